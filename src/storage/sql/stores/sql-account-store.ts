import { sql } from 'kysely'
import type { Account } from '../../../core/account/account.ts'
import type { AccountStore } from '../../../core/account/account-store.ts'
import type { Id, New, Patch, Serial, Slice } from '../../../core/common.ts'
import { EntityTable } from '../entity-table.ts'
import type { Row } from '../schema.ts'
import type { Session } from '../session.ts'
import { sliced } from '../slice.ts'
import { statement } from '../statement.ts'

const TABLE = new EntityTable<'accounts', Account>({
  table: 'accounts',
  uniques: [{ field: 'email', columns: ['email'] }],
  toColumns: ({ email, passwordHash, isAdministrator, failedLogins, lockedUntil, generation }) => ({
    email,
    password_hash: passwordHash,
    is_administrator: isAdministrator,
    failed_logins: failedLogins,
    locked_until: lockedUntil,
    generation,
  }),
  toEntity: toAccount,
})

const FIND_BY_ID = statement((db, id: Id) => db.selectFrom('accounts').selectAll().where('id', '=', id))
const FIND_BY_EMAIL = statement((db, email: string) => db.selectFrom('accounts').selectAll().where('email', '=', email))
const COUNT_FAILURE = statement((db, serial: Serial) =>
  db
    .updateTable('accounts')
    .set((is) => ({ failed_logins: is('failed_logins', '+', 1) }))
    .where('serial', '=', serial)
    .returning('failed_logins'),
)
const DELETE = statement((db, serial: Serial) => db.deleteFrom('accounts').where('serial', '=', serial))
const COUNT = statement((db) => db.selectFrom('accounts').select(sql<number>`count(*)`.as('count')))

export class SqlAccountStore implements AccountStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  insert(row: New<Account>): Promise<Account> {
    return TABLE.insert(this.#session, row)
  }

  find(serial: Serial): Promise<Account | undefined> {
    return TABLE.find(this.#session, serial)
  }

  findById(id: Id): Promise<Account | undefined> {
    return TABLE.one(this.#session, FIND_BY_ID(this.#session, id))
  }

  findByEmail(email: string): Promise<Account | undefined> {
    return TABLE.one(this.#session, FIND_BY_EMAIL(this.#session, email))
  }

  update(serial: Serial, patch: Patch<Account>, ifRevision?: number): Promise<Account | undefined> {
    return TABLE.change(this.#session, serial, { patch, ifRevision })
  }

  async countFailure(serial: Serial): Promise<number> {
    const row = await this.#session.first(COUNT_FAILURE(this.#session, serial))
    return row?.failed_logins ?? 0
  }

  /** Memberships, tokens and remembered replies go by cascade. */
  async delete(serial: Serial): Promise<void> {
    await this.#session.run(DELETE(this.#session, serial))
  }

  list(slice: Slice): Promise<Account[]> {
    const query = sliced(this.#session.compiler.selectFrom('accounts').selectAll(), 'serial', slice)
    return TABLE.many(this.#session, query.compile())
  }

  async count(): Promise<number> {
    return (await this.#session.first(COUNT(this.#session)))?.count ?? 0
  }
}

function toAccount(row: Row<'accounts'>): Account {
  return {
    serial: row.serial,
    id: row.id,
    createdAt: row.created_at,
    revision: row.revision,
    email: row.email,
    passwordHash: row.password_hash,
    isAdministrator: Boolean(row.is_administrator),
    failedLogins: row.failed_logins,
    lockedUntil: row.locked_until,
    generation: row.generation,
  }
}
