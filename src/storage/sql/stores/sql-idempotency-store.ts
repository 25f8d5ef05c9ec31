import type { IdempotencyStore, IdempotentReply } from '../../../core/access/access-store.ts'
import type { Millis, Serial } from '../../../core/common.ts'
import { insertRow, type Target } from '../insert-row.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'

const TARGET: Target = { table: 'idempotency', uniques: [{ field: 'key', columns: ['account', 'key'] }] }

const FIND = statement((db, account: Serial, key: string) =>
  db.selectFrom('idempotency').selectAll().where('account', '=', account).where('key', '=', key),
)
const DELETE_EXPIRED = statement((db, before: Millis) => db.deleteFrom('idempotency').where('expires_at', '<', before))

export class SqlIdempotencyStore implements IdempotencyStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async find(account: Serial, key: string): Promise<IdempotentReply | undefined> {
    const row = await this.#session.first(FIND(this.#session, account, key))
    if (row === undefined) return undefined
    const { request_hash: requestHash, status, body, expires_at: expiresAt } = row
    return { key: row.key, account: row.account, requestHash, status, body, expiresAt }
  }

  async insert({ key, account, requestHash, status, body, expiresAt }: IdempotentReply): Promise<void> {
    const values = { account, key, request_hash: requestHash, status, body, expires_at: expiresAt }
    await insertRow(this.#session, TARGET, values)
  }

  deleteExpired(before: Millis): Promise<number> {
    return this.#session.run(DELETE_EXPIRED(this.#session, before))
  }
}
