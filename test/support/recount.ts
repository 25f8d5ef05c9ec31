import { expect } from 'vitest'
import type { Serial } from '../../src/core/common.ts'
import type { Stores } from '../../src/core/ports.ts'
import type { RolloutMember } from '../../src/core/rollout/member.ts'
import type { Rollout } from '../../src/core/rollout/rollout.ts'
import { isCohortScope, NO_OUTCOMES, stageScope, type Tally, WHOLE } from '../../src/core/rollout/tally.ts'
import { isOpen, OPEN_STATES, type Update } from '../../src/core/update/update.ts'

/** What of a counter can be counted again from the rows that it counts. */
interface Recount {
  granted: number
  settled: number
  failed: number
  settledFailed: number
  unverifiable: number
  devices: number
  slots: number
  outcomes: Record<string, number>
}

export interface Recounting {
  /** Devices that were deleted, as they were then: they stay in the gate's numbers, settled unless they had failed. */
  readonly left?: readonly RolloutMember[]
  /** Members as they were when another trial of theirs began in the same run: that one stays in the gate's numbers. */
  readonly ended?: readonly RolloutMember[]
}

const PAGE = 1_000

/** Everything of one rollout, read row by row. */
export async function rowsOf(stores: Stores, { serial, organisation }: Pick<Rollout, 'serial' | 'organisation'>) {
  return {
    members: await all((after) => stores.rolloutMembers.list({ rollout: serial }, { limit: PAGE, after })),
    updates: await all((after) => stores.updates.list({ organisation, rollout: serial }, { limit: PAGE, after })),
    tallies: await stores.rolloutTallies.list(serial, 2 * PAGE),
  }
}

/**
 * Every counter of a rollout equals a recount of its members, every member agrees with its update, and no device of the
 * organisation has two open updates. To be called while nothing is under way.
 */
export async function expectCounted(
  stores: Stores,
  rollout: Pick<Rollout, 'serial' | 'organisation'>,
  { left = [], ended = [] }: Recounting = {},
): Promise<void> {
  const { members, updates, tallies } = await rowsOf(stores, rollout)
  expect(tallies.length, 'counters of the whole and of a stage').toBeGreaterThanOrEqual(2)
  const kept = Object.fromEntries(tallies.map((tally) => [tally.scope, keptOf(tally)]))
  const counted = Object.fromEntries(tallies.map((tally) => [tally.scope, recount(tally, members, { left, ended })]))
  for (const counters of [kept, counted]) mergeDevicesOfRuns(counters, tallies)
  expect(kept, 'the kept counters equal a recount').toEqual(counted)
  for (const { counts, scope } of tallies)
    expect(counts.silent, `silent devices of ${scope}`).toBeLessThanOrEqual(counts.settledFailed)
  expectAgreement(members, updates)
  const { organisation } = rollout
  const open = await all((after) => stores.updates.list({ organisation, states: OPEN_STATES }, { limit: PAGE, after }))
  expect(new Set(open.map(({ device }) => device)).size, 'one open update per device').toBe(open.length)
}

function keptOf({ scope, counts, unverifiable, devices, slots, outcomes }: Tally): Recount {
  const { silent: _, ...gate } = counts
  const whole = isCohortScope(scope) ? NOTHING : { unverifiable, devices, slots, outcomes }
  return { ...gate, ...whole }
}

/** Cohorts keep the gate's numbers alone. */
const NOTHING = { unverifiable: 0, devices: 0, slots: 0, outcomes: { ...NO_OUTCOMES } }

/** A device counts in the stage of its first trial, which its row tells no more after a resume: then they are one sum. */
function mergeDevicesOfRuns(counters: Record<string, Recount>, tallies: readonly Tally[]): void {
  if (tallies.every(({ run }) => run === 0)) return
  let sum = 0
  for (const [scope, counter] of Object.entries(counters))
    if (scope !== WHOLE && !isCohortScope(scope)) {
      sum += counter.devices
      counter.devices = 0
    }
  const first = counters[stageScope(0)]
  if (first) first.devices = sum
}

function recount(
  { scope, run }: Tally,
  members: readonly RolloutMember[],
  { left, ended }: Required<Recounting>,
): Recount {
  const isIn = ({ counted }: RolloutMember) => counted.some((one) => one.scope === scope && one.run === run)
  const settled = [...left, ...ended].map((member) => ({ ...member, isSettled: member.isSettled || !member.hasFailed }))
  const evidence = [...members, ...settled].filter((member) => isIn(member) && member.isVerifiable)
  const gate = {
    granted: evidence.length,
    settled: evidence.filter((one) => one.isSettled).length,
    failed: evidence.filter((one) => one.hasFailed).length,
    settledFailed: evidence.filter((one) => one.isSettled && one.hasFailed).length,
  }
  if (isCohortScope(scope)) return { ...gate, ...NOTHING }
  const here = members.filter(({ stage }) => stage !== null && (scope === WHOLE || scope === stageScope(stage)))
  const outcomes: Record<string, number> = { ...NO_OUTCOMES }
  for (const { state } of here) if (state !== 'waiting') outcomes[state] = (outcomes[state] ?? 0) + 1
  return {
    ...gate,
    unverifiable: [...members, ...left, ...ended].filter((member) => isIn(member) && !member.isVerifiable).length,
    devices: [...members, ...left].filter(({ counted }) => counted.some((one) => one.scope === scope)).length,
    slots: here.filter(({ holdsSlot }) => holdsSlot).length,
    outcomes,
  }
}

/** A member is what its newest update is; whatever is open has its member. */
function expectAgreement(members: readonly RolloutMember[], updates: readonly Update[]): void {
  const byMember = new Map(members.map((member) => [member.device, member]))
  const bySerial = new Map(updates.map((update) => [update.serial, update]))
  const open = updates.filter(({ state }) => isOpen(state))
  for (const update of open)
    expect(byMember.get(update.device), 'the member of an open update').toMatchObject({
      state: 'open',
      update: update.serial,
    })
  for (const member of members) {
    const update = member.update === null ? undefined : bySerial.get(member.update)
    if (member.state === 'waiting')
      expect(update && isOpen(update.state), 'nothing is open of a waiting member').not.toBe(true)
    else if (member.state === 'open') expect(update && isOpen(update.state), 'the update of an open member').toBe(true)
    else expect(update?.state, 'the update of a member that is done').toBe(member.state)
  }
}

async function all<T extends { readonly serial: Serial }>(list: (after: Serial) => Promise<T[]>): Promise<T[]> {
  const rows: T[] = []
  for (;;) {
    const page = await list(rows.at(-1)?.serial ?? 0)
    rows.push(...page)
    if (page.length < PAGE) return rows
  }
}
