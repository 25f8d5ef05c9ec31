import { sql } from 'kysely'
import type { Serial } from '../../../core/common.ts'
import type { TallyStore } from '../../../core/organisation/tally-store.ts'
import type { Session } from '../session.ts'
import { statement } from '../statement.ts'

const GET = statement((db, organisation: Serial, name: string) =>
  db.selectFrom('tallies').select('count').where('organisation', '=', organisation).where('name', '=', name),
)
const ADD = statement((db, organisation: Serial, name: string, first: number, by: number, least: number) =>
  db
    .insertInto('tallies')
    .values({ organisation, name, count: first })
    .onConflict((on) =>
      on
        .columns(['organisation', 'name'])
        .doUpdateSet({
          count: sql<number>`case when tallies.count + ${by} < 0 then 0 else tallies.count + ${by} end`,
        })
        .where('tallies.count', '<=', least),
    ),
)

export class SqlTallyStore implements TallyStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async add(organisation: Serial, name: string, change: { by: number; limit?: number }): Promise<boolean> {
    const { by, limit = Number.MAX_SAFE_INTEGER } = change
    if (by > limit) return false
    const added = await this.#session.run(ADD(this.#session, organisation, name, Math.max(by, 0), by, limit - by))
    return added > 0
  }

  async get(organisation: Serial, name: string): Promise<number> {
    return (await this.#session.first(GET(this.#session, organisation, name)))?.count ?? 0
  }
}
