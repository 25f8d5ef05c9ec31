import { expect } from 'vitest'
import type { Core } from '../../src/core/create-core.ts'
import type { Event } from '../../src/core/event/event.ts'
import type { Rollout } from '../../src/core/rollout/rollout.ts'
import type { Update } from '../../src/core/update/update.ts'
import { expectCounted, rowsOf } from '../support/recount.ts'
import { TO } from './rollout-clients.ts'
import type { LedgerDevice, RolloutLedger } from './rollout-ledger.ts'

const PAGE = 5_000
/** Contradictions that a failure lists. */
const SHOWN = 20

/**
 * Compares the database of a dead server with what the devices know: whatever was acknowledged is there, once; nobody
 * was granted twice; the counters equal a recount.
 */
export async function verifyRollout(core: Core, rollout: Rollout, ledger: RolloutLedger): Promise<void> {
  const { management } = core.deps.storage
  await expectCounted(management, rollout)
  const { updates } = await rowsOf(management, rollout)
  const events = await updateEvents(core, rollout)
  const devices = await allDevices(core, rollout)
  const byDevice = Map.groupBy(updates, ({ device }) => device)
  const repeated = [...events.values()].filter((some) => new Set(some.map(({ type }) => type)).size < some.length)
  expect(
    repeated.flat().map(({ type }) => type),
    'each step of an update has one event',
  ).toEqual([])
  const faults = ledger.devices.flatMap((device) =>
    faultsOf(device, byDevice.get(devices.get(device.key) ?? 0) ?? [], events),
  )
  expect(faults.slice(0, SHOWN)).toEqual([])
}

/** What of a device's knowledge the rows contradict. */
function faultsOf(device: LedgerDevice, updates: readonly Update[], events: ReadonlyMap<string, Event[]>): string[] {
  const faults: string[] = []
  const fault = (text: string) => faults.push(`${device.key}: ${text}`)
  const attempts = updates.map(({ attempt }) => attempt)
  if (new Set(attempts).size < attempts.length) fault(`granted twice: attempts ${attempts.join(', ')}`)
  for (const [attempt, told] of device.told) {
    const known = updates.filter((update) => update.attempt === attempt).map(({ id }) => id)
    if (told.size !== 1 || !told.has(known[0] ?? '')) fault(`was told ${[...told]} as attempt ${attempt}, not ${known}`)
  }
  for (const { update, state, reason } of device.reported) {
    const found = events.get(update)?.find(({ type }) => type === `update.${state}`)
    if (!found) fault(`its report ${state} of ${update} is lost`)
    else if ((found.details['reason'] ?? '') !== reason) fault(`the reason of ${state} is ${found.details['reason']}`)
  }
  for (const [id, state] of device.ended) {
    const ended = updates.find((update) => update.id === id)
    if (ended?.state !== state) fault(`${id} is ${ended?.state}, not ${state}`)
  }
  return faults
}

/** After the end: everybody went through all of its life, and settled. */
export async function verifyEnd(core: Core, rollout: Rollout, ledger: RolloutLedger): Promise<void> {
  expect(ledger.surprises).toEqual([])
  const { members, tallies } = await rowsOf(core.deps.storage.management, rollout)
  const silent = ledger.devices.filter(({ fate }) => fate === 'falls-silent').length
  const all = ledger.devices.length
  expect(members).toHaveLength(all)
  expect(tallies[0]).toMatchObject({
    devices: all,
    slots: silent,
    outcomes: { succeeded: all - silent, open: silent, failed: 0, 'rolled-back': 0 },
    counts: { granted: all, settled: all },
  })
  const { organisation, product } = rollout
  for (let after = 0; ; ) {
    const page = await core.deps.storage.management.devices.listFacts({ organisation, product }, { limit: 1000, after })
    const fates = new Map(ledger.devices.map(({ key, fate }) => [key, fate]))
    for (const { device, running } of page)
      if (fates.get(device.key) !== 'falls-silent') expect(running, device.key).toMatchObject([{ version: TO }])
    after = page.at(-1)?.device.serial ?? 0
    if (page.length < 1000) return
  }
}

/** Events of updates by the id of the update. */
async function updateEvents(core: Core, { organisation }: Rollout): Promise<Map<string, Event[]>> {
  const events: Event[] = []
  for (;;) {
    const slice = { limit: PAGE, after: events.at(-1)?.serial ?? 0 }
    const page = await core.deps.storage.management.events.list({ organisation, subjectKind: 'update' }, slice)
    events.push(...page)
    if (page.length < PAGE) return Map.groupBy(events, ({ subject }) => subject.id)
  }
}

async function allDevices(core: Core, { organisation }: Rollout): Promise<Map<string, number>> {
  const serials = new Map<string, number>()
  for (let after = 0; ; ) {
    const page = await core.deps.storage.management.devices.list({ organisation }, { limit: PAGE, after })
    for (const { key, serial } of page) serials.set(key, serial)
    after = page.at(-1)?.serial ?? 0
    if (page.length < PAGE) return serials
  }
}
