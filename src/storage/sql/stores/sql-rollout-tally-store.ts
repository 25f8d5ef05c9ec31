import type { CompiledQuery } from 'kysely'
import type { Serial } from '../../../core/common.ts'
import type { Claim, RolloutTallyStore, TallyChange, TallyLimits } from '../../../core/rollout/rollout-store.ts'
import { cohortScope, isCohortScope, minuteOf, type Tally, UNLIMITED, WHOLE } from '../../../core/rollout/tally.ts'
import { insertQuery } from '../insert-row.ts'
import type { Session } from '../session.ts'
import { slices } from '../slice.ts'
import { storageFailed } from '../sql-failure.ts'
import { defined } from '../values.ts'
import { toTally } from './rollout-rows.ts'
import {
  CLAIM_ANEW,
  CLAIM_ANEW_UNVERIFIABLE,
  CLAIM_FIRST,
  CLAIM_FIRST_UNVERIFIABLE,
  CLAIM_FURTHER,
  CLAIM_OF_COHORT,
  COHORT_IS_ACTIVE,
} from './tally-claims.ts'
import { adding, FIND, INSERT_COHORT, LIST, LOCK, RESTART } from './tally-statements.ts'

/** Others may take the next position of a family first, one after the other. */
const DRAWS = 1_000

export class SqlRolloutTallyStore implements RolloutTallyStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async create(
    rollout: Serial,
    scopes: readonly string[],
    limits: { grantLimit: number; unverifiableLimit: number },
  ): Promise<void> {
    const none = { grantLimit: UNLIMITED, unverifiableLimit: UNLIMITED }
    const rows = [...new Set([WHOLE, ...scopes])].map((scope) => {
      const { grantLimit, unverifiableLimit } = scope === WHOLE ? limits : none
      return {
        rollout,
        scope,
        family: '',
        value: '',
        position: 0,
        is_active: scope !== WHOLE,
        grant_limit: grantLimit,
        unverifiable_limit: unverifiableLimit,
      }
    })
    for (const some of slices(rows))
      await this.#session.all(insertQuery(this.#session.compiler, 'rollout_tallies', some).compile())
    this.#session.changes.rollout(rollout)
  }

  async ensureCohort(
    rollout: Serial,
    { family, value }: { family: string; value: string },
    { grantLimit }: { grantLimit: number },
  ): Promise<Tally> {
    const scope = cohortScope({ family, value })
    for (let draw = 0; draw < DRAWS; draw += 1) {
      const known = await this.find(rollout, scope)
      if (known) return known
      const row = await this.#session.first(
        INSERT_COHORT(this.#session, rollout, scope, family, value, grantLimit, UNLIMITED),
      )
      if (row === undefined) continue
      this.#session.changes.rollout(rollout)
      return toTally(row)
    }
    throw storageFailed(`No free position for another cohort of ${family} was found`)
  }

  async claim(claim: Claim): Promise<boolean> {
    const takesPlace = claim.grant !== 'again' && claim.isVerifiable
    if (isCohortScope(claim.scope) && !takesPlace) return this.#isActive(claim)
    const isClaimed = (await this.#session.run(this.#claiming(claim))) > 0
    if (isClaimed) this.#session.changes.rollout(claim.rollout)
    return isClaimed
  }

  #claiming({ rollout, scope, now, grant, isVerifiable, ...limits }: Claim): CompiledQuery<unknown> {
    if (isCohortScope(scope)) return CLAIM_OF_COHORT(this.#session, rollout, scope)
    const { concurrency = UNLIMITED, ratePerMinute = UNLIMITED, devices = UNLIMITED } = limits
    const place = [rollout, scope, minuteOf(now), concurrency, ratePerMinute] as const
    switch (grant) {
      case 'first':
        return (isVerifiable ? CLAIM_FIRST : CLAIM_FIRST_UNVERIFIABLE)(this.#session, ...place, devices)
      case 'anew':
        return (isVerifiable ? CLAIM_ANEW : CLAIM_ANEW_UNVERIFIABLE)(this.#session, ...place)
      case 'again':
        return CLAIM_FURTHER(this.#session, ...place)
    }
  }

  /** All that a cohort asks of other grants. */
  async #isActive({ rollout, scope }: Claim): Promise<boolean> {
    return (await this.#session.first(COHORT_IS_ACTIVE(this.#session, rollout, scope))) !== undefined
  }

  async add(rollout: Serial, scope: string, change: TallyChange, run?: number): Promise<void> {
    const query = adding(this.#session, { rollout, scope, run }, change)
    if (query === undefined) return
    if ((await this.#session.run(query)) > 0) this.#session.changes.rollout(rollout)
  }

  async setLimits(rollout: Serial, scope: string, limits: TallyLimits): Promise<void> {
    const values = defined({
      grant_limit: limits.grantLimit,
      unverifiable_limit: limits.unverifiableLimit,
      is_active: limits.isActive,
      stop_words: limits.stopWords,
    })
    if (Object.keys(values).length === 0) return
    const { compiler } = this.#session
    const query = compiler.updateTable('rollout_tallies').set(values)
    await this.#session.run(query.where('rollout', '=', rollout).where('scope', '=', scope).compile())
    this.#session.changes.rollout(rollout)
  }

  async restart(
    rollout: Serial,
    scope: string,
    { grantLimit, unverifiableLimit }: { grantLimit: number; unverifiableLimit: number },
  ): Promise<void> {
    await this.#session.run(RESTART(this.#session, rollout, scope, grantLimit, unverifiableLimit))
    this.#session.changes.rollout(rollout)
  }

  async lock(rollout: Serial): Promise<void> {
    if (this.#session.dialect.locksRows) await this.#session.first(LOCK(this.#session, rollout, WHOLE))
  }

  async find(rollout: Serial, scope: string): Promise<Tally | undefined> {
    const row = await this.#session.first(FIND(this.#session, rollout, scope))
    return row && toTally(row)
  }

  async list(rollout: Serial, limit: number): Promise<Tally[]> {
    return (await this.#session.all(LIST(this.#session, rollout, limit))).map(toTally)
  }
}
