import { type RawBuilder, sql } from 'kysely'
import type { Lease } from '../../../core/lease/lease.ts'
import type { LeaseStore } from '../../../core/lease/lease-store.ts'
import type { Session } from '../session.ts'

/** Asked about once a second, so the queries are not kept compiled. */
export class SqlLeaseStore implements LeaseStore {
  readonly #session: Session
  readonly #now: RawBuilder<number>

  constructor(session: Session) {
    this.#session = session
    this.#now = session.dialect.now
  }

  async listFree(names: readonly string[], ms: number): Promise<string[]> {
    if (names.length === 0) return []
    const query = this.#session.compiler
      .selectFrom('leases')
      .select('name')
      .where('name', 'in', [...names])
      .where(sql<boolean>`not ${this.#isFree(ms)}`)
    const taken = new Set((await this.#session.all(query.compile())).map(({ name }) => name))
    return names.filter((name) => !taken.has(name))
  }

  // Of two that take it at once, the second waits for the first and then finds it taken. So does one that comes while
  // the holder commits.
  async take(name: string, holder: string, ms: number): Promise<Lease | undefined> {
    const expires_at = this.#in(ms)
    const query = this.#session.compiler
      .insertInto('leases')
      .values({ name, holder, token: 1, expires_at })
      .onConflict((on) =>
        on.column('name').doUpdateSet({ holder, token: sql`leases.token + 1`, expires_at }).where(this.#isFree(ms)),
      )
      .returning('token')
    const row = await this.#session.first(query.compile())
    return row && { name, holder, token: row.token }
  }

  async renew(lease: Lease, ms: number): Promise<boolean> {
    return (await this.#session.run(this.#prolong(lease, this.#in(ms)))) > 0
  }

  async release(lease: Lease): Promise<void> {
    await this.#session.run(this.#prolong(lease, sql<number>`0`))
  }

  async isHeld({ name, token }: Lease): Promise<boolean> {
    const { compiler, dialect } = this.#session
    const query = compiler
      .selectFrom('leases')
      .select('token')
      .where('name', '=', name)
      .where('token', '=', token)
      .where('expires_at', '>', this.#now)
      .$if(dialect.locksRows, (it) => it.forKeyShare())
    return (await this.#session.first(query.compile())) !== undefined
  }

  #prolong({ name, token }: Lease, expires_at: RawBuilder<number>) {
    return this.#session.compiler
      .updateTable('leases')
      .set({ expires_at })
      .where('name', '=', name)
      .where('token', '=', token)
      .where('expires_at', '>', this.#now)
      .compile()
  }

  #in(ms: number): RawBuilder<number> {
    return sql<number>`${this.#now} + ${sql.lit(Math.round(ms))}`
  }

  #isFree(ms: number): RawBuilder<boolean> {
    return sql<boolean>`(leases.expires_at <= ${this.#now} or leases.expires_at > ${this.#in(2 * ms)})`
  }
}
