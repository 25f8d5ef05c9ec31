import type { Membership } from '../../../core/account/account.ts'
import type { MembershipStore } from '../../../core/account/account-store.ts'
import type { Serial } from '../../../core/common.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'

// A row is its domain object, member for member.
const PUT = statement((db, account: Serial, organisation: Serial, role: Membership['role']) =>
  db
    .insertInto('memberships')
    .values({ account, organisation, role })
    .onConflict((on) =>
      on.columns(['account', 'organisation']).doUpdateSet((is) => ({ role: is.ref('excluded.role') })),
    ),
)
const REMOVE = statement((db, account: Serial, organisation: Serial) =>
  db.deleteFrom('memberships').where('account', '=', account).where('organisation', '=', organisation),
)
const LIST_BY_ACCOUNT = statement((db, account: Serial) =>
  db.selectFrom('memberships').selectAll().where('account', '=', account).orderBy('organisation'),
)
const LIST_BY_ORGANISATION = statement((db, organisation: Serial) =>
  db.selectFrom('memberships').selectAll().where('organisation', '=', organisation).orderBy('account'),
)

export class SqlMembershipStore implements MembershipStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async put({ account, organisation, role }: Membership): Promise<void> {
    await this.#session.run(PUT(this.#session, account, organisation, role))
  }

  async remove(account: Serial, organisation: Serial): Promise<void> {
    await this.#session.run(REMOVE(this.#session, account, organisation))
  }

  listByAccount(account: Serial): Promise<Membership[]> {
    return this.#list(LIST_BY_ACCOUNT(this.#session, account))
  }

  listByOrganisation(organisation: Serial): Promise<Membership[]> {
    return this.#list(LIST_BY_ORGANISATION(this.#session, organisation))
  }

  async #list(query: ReturnType<typeof LIST_BY_ACCOUNT>): Promise<Membership[]> {
    const rows = await this.#session.all(query)
    return rows.map(({ account, organisation, role }) => ({ account, organisation, role }))
  }
}
