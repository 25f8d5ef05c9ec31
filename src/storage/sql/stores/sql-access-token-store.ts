import { sql } from 'kysely'
import type { AccessToken } from '../../../core/access/access-key.ts'
import type { AccessTokenStore } from '../../../core/access/access-store.ts'
import type { Millis, Serial } from '../../../core/common.ts'
import { insertRow, type Target } from '../insert-row.ts'
import type { Row } from '../schema.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'

const TARGET: Target = {
  table: 'access_tokens',
  uniques: [
    { field: 'current', columns: ['access_key'], among: { is_current: true } },
    { field: 'hash', columns: ['hash'] },
  ],
}

const FIND_BY_HASH = statement((db, hash: string) =>
  db.selectFrom('access_tokens').selectAll().where('hash', '=', hash),
)
const CURRENT = statement((db, accessKey: Serial) =>
  db
    .selectFrom('access_tokens')
    .selectAll()
    .where('access_key', '=', accessKey)
    .where('is_current', '=', sql.lit(true)),
)
const RETIRE = statement((db, hash: string, expiresAt: Millis) =>
  db
    .updateTable('access_tokens')
    .set({ is_current: false, expires_at: expiresAt })
    .where('hash', '=', hash)
    .returning('access_key'),
)
const DELETE_EXPIRED = statement((db, before: Millis) =>
  db.deleteFrom('access_tokens').where('expires_at', '<', before),
)

export class SqlAccessTokenStore implements AccessTokenStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async insert({ hash, accessKey, sealed, expiresAt, isCurrent }: AccessToken): Promise<void> {
    const values = { hash, access_key: accessKey, sealed, expires_at: expiresAt, is_current: isCurrent }
    await insertRow(this.#session, TARGET, values)
  }

  async findByHash(hash: string): Promise<AccessToken | undefined> {
    const row = await this.#session.first(FIND_BY_HASH(this.#session, hash))
    return row && toAccessToken(row)
  }

  async current(accessKey: Serial): Promise<AccessToken | undefined> {
    const row = await this.#session.first(CURRENT(this.#session, accessKey))
    return row && toAccessToken(row)
  }

  async retire(hash: string, expiresAt: Millis): Promise<void> {
    const retired = await this.#session.first(RETIRE(this.#session, hash, expiresAt))
    if (retired) this.#session.changes.accessTokens(retired.access_key)
  }

  deleteExpired(before: Millis): Promise<number> {
    return this.#session.run(DELETE_EXPIRED(this.#session, before))
  }
}

function toAccessToken(row: Row<'access_tokens'>): AccessToken {
  return {
    hash: row.hash,
    accessKey: row.access_key,
    sealed: row.sealed,
    expiresAt: row.expires_at,
    isCurrent: Boolean(row.is_current),
  }
}
