import type { Serial } from '../common.ts'
import { SYSTEM } from '../event/event.ts'
import { record } from '../event/record.ts'
import type { Clock, Ids, Stores } from '../ports.ts'
import { cohortName } from './cohorts.ts'
import { floorFailures } from './floor-failures.ts'
import type { Evidence } from './health/evidence.ts'
import { type CohortState, cohortKey, type HealthState } from './health/health-state.ts'
import { cohortLimit, type GrantLimits, grantLimits, judge } from './health/judge.ts'
import { evidenceInWords } from './health/words.ts'
import type { Rollout } from './rollout.ts'
import { loadRoom, type Room } from './room.ts'
import { stopRollout } from './stop-rollout.ts'
import { cohortScope, type Tally, WHOLE } from './tally.ts'

type By = { readonly clock: Clock; readonly ids: Ids }

/**
 * Asks the health gate about a rollout and does what it says, inside a transaction that holds the rollout's lock: stops
 * it or excludes a cohort, and else sets the limits that the next grants must keep. A finished one grants nothing more and
 * stays finished: what the gate found is noted, once, with an event.
 */
export async function judgeRollout(stores: Stores, by: By, serial: Serial): Promise<void> {
  for (;;) {
    const rollout = await stores.rollouts.find(serial)
    const room = rollout && (await loadRoom(stores, serial))
    if (!rollout || !room) return
    const state = healthState(rollout, room)
    const verdict = judge(rollout.health, state)
    const isNoted = rollout.state === 'finished' && room.whole.stopWords !== null
    if (verdict.kind !== 'stop' || rollout.state === 'stopped' || isNoted)
      return setLimits(stores, { rollout, room, limits: grantLimits(rollout.health, state) })
    if (verdict.scope === 'rollout') {
      const evidence = await withFloors(stores, rollout, room.whole, verdict.evidence)
      if (rollout.state === 'finished') return noteLate(stores, by, { rollout, evidence, scope: WHOLE })
      return stopRollout(stores, by, rollout, {
        actor: SYSTEM,
        cause: { kind: 'gate', evidence, words: evidenceInWords(evidence) },
      })
    }
    await excludeCohort(stores, by, { rollout, cohort: verdict.scope.cohort, evidence: verdict.evidence, room })
  }
}

async function noteLate(
  stores: Stores,
  by: By,
  late: { rollout: Rollout; evidence: Evidence; scope: string; cohort?: string },
): Promise<void> {
  const { rollout, evidence, scope, cohort } = late
  const words = evidenceInWords(evidence)
  await stores.rolloutTallies.setLimits(rollout.serial, scope, { stopWords: words })
  await record(stores, by, {
    organisation: rollout.organisation,
    type: 'rollout.failed-late',
    actor: SYSTEM,
    subject: { kind: 'rollout', id: rollout.id },
    details: { key: rollout.key, ...(cohort !== undefined && { cohort }), words, evidence: { ...evidence } },
  })
}

/** What the gate knows, from the kept counters. */
export function healthState(rollout: Pick<Rollout, 'unverifiableApproved'>, { whole, cohorts }: Room): HealthState {
  const states = new Map<string, CohortState>()
  for (const tally of cohorts.values()) {
    const { family, value, position, stopWords, run, counts } = tally
    const state = { family, value, order: position, stopped: stopWords !== null, resumes: run, counts }
    states.set(cohortKey(tally), state)
  }
  return {
    overall: whole.counts,
    resumes: whole.run,
    unverifiable: whole.unverifiable,
    approved: rollout.unverifiableApproved,
    cohorts: states,
  }
}

/** Writes the limits that changed. */
async function setLimits(
  stores: Stores,
  { rollout, room, limits }: { rollout: Rollout; room: Room; limits: GrantLimits },
): Promise<void> {
  const { whole, cohorts } = room
  if (whole.grantLimit !== limits.overall || whole.unverifiableLimit !== limits.unverifiable)
    await stores.rolloutTallies.setLimits(rollout.serial, WHOLE, {
      grantLimit: limits.overall,
      unverifiableLimit: limits.unverifiable,
    })
  for (const tally of cohorts.values()) {
    const limit = limits.cohorts.get(cohortKey(tally))
    if (limit === undefined || limit === tally.grantLimit) continue
    await stores.rolloutTallies.setLimits(rollout.serial, tally.scope, { grantLimit: limit })
  }
}

async function excludeCohort(
  stores: Stores,
  by: By,
  { rollout, cohort, evidence, room }: { rollout: Rollout; cohort: string; evidence: Evidence; room: Room },
): Promise<void> {
  const tally = [...room.cohorts.values()].find((one) => cohortKey(one) === cohort)
  if (!tally) return
  const known = await withFloors(stores, rollout, tally, evidence)
  if (rollout.state === 'finished')
    return noteLate(stores, by, { rollout, evidence: known, scope: cohortScope(tally), cohort: cohortName(tally) })
  const words = evidenceInWords(known)
  await stores.rolloutTallies.setLimits(rollout.serial, cohortScope(tally), {
    grantLimit: 0,
    isActive: false,
    stopWords: words,
  })
  await record(stores, by, {
    organisation: rollout.organisation,
    type: 'rollout.cohort-stopped',
    actor: SYSTEM,
    subject: { kind: 'rollout', id: rollout.id },
    details: { key: rollout.key, cohort: cohortName(tally), words, evidence: { ...known } },
  })
}

/** Says of the failures behind a stop which were at a floor on the way, where any were. */
async function withFloors(stores: Stores, rollout: Rollout, of: Tally, evidence: Evidence): Promise<Evidence> {
  const { scope, run } = of
  const floors = await floorFailures(stores, rollout, { scope, run, view: evidence.view })
  return floors && floors.length > 0 ? { ...evidence, floors } : evidence
}

/** The limit of a cohort that is taken in again. */
export function reopenedLimit(rollout: Pick<Rollout, 'health'>, tally: Tally): number {
  const { family, value, position } = tally
  const counts = { granted: 0, settled: 0, failed: 0, settledFailed: 0, silent: 0 }
  return cohortLimit(rollout.health, { family, value, order: position, stopped: false, resumes: tally.run + 1, counts })
}
