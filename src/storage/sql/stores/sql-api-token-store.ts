import type { ApiToken } from '../../../core/account/account.ts'
import type { ApiTokenStore } from '../../../core/account/account-store.ts'
import type { Id, Millis, New, Patch, Serial } from '../../../core/common.ts'
import { EntityTable } from '../entity-table.ts'
import type { Row } from '../schema.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'

const TABLE = new EntityTable<'api_tokens', ApiToken>({
  table: 'api_tokens',
  uniques: [{ field: 'hash', columns: ['hash'] }],
  toColumns: ({ account, name, hash, scope, organisation, expiresAt, revokedAt, lastUsedAt }) => ({
    account,
    name,
    hash,
    scope,
    organisation,
    expires_at: expiresAt,
    revoked_at: revokedAt,
    last_used_at: lastUsedAt,
  }),
  toEntity: toApiToken,
})

const FIND_BY_HASH = statement((db, hash: string) => db.selectFrom('api_tokens').selectAll().where('hash', '=', hash))
const FIND_BY_ID = statement((db, account: Serial, id: Id) =>
  db.selectFrom('api_tokens').selectAll().where('id', '=', id).where('account', '=', account),
)
const LIST_BY_ACCOUNT = statement((db, account: Serial) =>
  db.selectFrom('api_tokens').selectAll().where('account', '=', account).orderBy('serial'),
)
const DELETE_EXPIRED = statement((db, before: Millis) => db.deleteFrom('api_tokens').where('expires_at', '<', before))

export class SqlApiTokenStore implements ApiTokenStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  insert(row: New<ApiToken>): Promise<ApiToken> {
    return TABLE.insert(this.#session, row)
  }

  findByHash(hash: string): Promise<ApiToken | undefined> {
    return TABLE.one(this.#session, FIND_BY_HASH(this.#session, hash))
  }

  findById(account: Serial, id: Id): Promise<ApiToken | undefined> {
    return TABLE.one(this.#session, FIND_BY_ID(this.#session, account, id))
  }

  update(serial: Serial, patch: Patch<ApiToken>): Promise<ApiToken | undefined> {
    return TABLE.change(this.#session, serial, { patch })
  }

  listByAccount(account: Serial): Promise<ApiToken[]> {
    return TABLE.many(this.#session, LIST_BY_ACCOUNT(this.#session, account))
  }

  deleteExpired(before: Millis): Promise<number> {
    return this.#session.run(DELETE_EXPIRED(this.#session, before))
  }
}

function toApiToken(row: Row<'api_tokens'>): ApiToken {
  return {
    serial: row.serial,
    id: row.id,
    createdAt: row.created_at,
    revision: row.revision,
    account: row.account,
    name: row.name,
    hash: row.hash,
    scope: row.scope,
    organisation: row.organisation,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at,
  }
}
