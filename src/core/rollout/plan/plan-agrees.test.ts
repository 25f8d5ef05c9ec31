import { describe, expect, it } from 'vitest'
import { countsOf, how, plannedFleet, STYLES } from '../../../../test/support/planned-fleet.ts'
import { STORAGES } from '../../../../test/support/storages.ts'
import { DEFAULT_CORE_LIMITS } from '../../limits.ts'
import { seededRandom } from '../../seeded-random.ts'
import { foresee } from './foresee.ts'
import type { PlanOutcome } from './outcomes.ts'

type Fleet = Awaited<ReturnType<typeof plannedFleet>>

const DEVICES = 120

/** Devices of every sort, and other rollouts and assignments in the way of the planned one. */
async function mixedFleet(fleet: Fleet, random: () => number): Promise<string[]> {
  const { core, scope, add, group, start } = fleet
  const pick = <T>(...of: readonly T[]): T => of[Math.floor(random() * of.length)] as T
  const groups = [await group('pilot'), await group('pinned')]
  await core.floors.create(scope, { product: 'panel', firmware: { version: '1.1.0' }, reason: 'converts settings' })
  await core.assignments.assign(scope, { group: 'pinned' }, { product: 'panel', version: '1.0.0' })
  await start({
    key: 'first',
    release: { product: 'panel', version: '1.1.0' },
    select: { tags: { site: 'linz' } },
    health: { mode: 'off' },
    stages: [{ percent: 50 }, { percent: 100 }],
  })
  await start({
    key: 'paused',
    release: { product: 'panel', version: '2.0.0' },
    select: { tags: { site: 'wien' } },
    health: { mode: 'off' },
  })
  await core.rolloutControl.pause(scope, 'paused')
  const keys = Array.from({ length: DEVICES }, (_, index) => `d${index}`)
  for (const key of keys) {
    await add(key, {
      runs: pick(null, '1.0.0', '1.0.0', '1.0.5', '1.1.0', '1.2.0', '2.0.0', 'build-7'),
      scheme: pick(null, 'native', 'native', 'iotaap', 'spoke-zone'),
      group: pick(null, null, null, ...groups),
      tags: { site: pick('graz', 'graz', 'wien', 'linz') },
    })
    if (random() < 0.05) await core.devices.update(scope, key, { status: 'disabled' })
    if (random() < 0.05) await core.assignments.assign(scope, { device: key }, { product: 'panel', version: '1.1.0' })
  }
  return keys
}

/** What the engine would say to each device that asked now. */
async function asked(fleet: Fleet, keys: readonly string[], rollout: { serial: number; id: string }) {
  const counts: Partial<Record<PlanOutcome, number>> = {}
  let offers = 0
  for (const key of keys) {
    const facts = await fleet.facts(key)
    const decision = fleet.core.gateway.decide(facts, fleet.asks(facts))
    const isNew = decision.kind === 'update' && !decision.open
    if (isNew && decision.offer.source.kind === 'rollout' && decision.offer.source.rollout === rollout.serial)
      offers += 1
    const foreseeing = { now: fleet.clock.now(), limits: DEFAULT_CORE_LIMITS, styles: STYLES }
    const schemes = facts.credentials.map(({ scheme }) => scheme)
    const kind = 'update' as const
    const { outcome } = foresee({ candidates: facts, schemes }, { ...foreseeing, rollout: { ...rollout, kind } })
    counts[outcome] = (counts[outcome] ?? 0) + 1
  }
  return { counts, offers }
}

const KINDS = STORAGES.map((kind) => ({ ...kind, seeds: kind.name === 'memory' ? [1, 2, 3, 4] : [5] }))

describe.each(KINDS)('a plan on $name', ({ open, seeds }) => {
  it.each(seeds)('foresees what the engine decides, device by device (seed %i)', async (seed) => {
    const random = seededRandom(seed)
    const storage = await open()
    const fleet = await plannedFleet(storage)
    const { core, scope, plan, start, grant, facts } = fleet
    const keys = await mixedFleet(fleet, random)
    const input = {
      health: { mode: 'off' },
      select: { filter: 'not tag.site = "none"' },
      options: { retry: { attempts: 1 } },
    } as const
    const planned = await plan(input)
    const rollout = await start(input)
    const before = await asked(fleet, keys, rollout)
    expect(countsOf(planned)).toEqual(before.counts)
    expect(planned.outcomes['will-update'].devices).toBe(before.offers)
    expect(Object.keys(before.counts).length).toBeGreaterThanOrEqual(8)

    // And again when much has happened.
    for (const key of keys) {
      if (random() < 0.5) continue
      const update = await grant(key)
      const known = await facts(key)
      const via = known.credentials[0]?.scheme ?? 'native'
      const what = random()
      if (!update) continue
      if (what < 0.3) await fleet.install(key, known.openVersion ?? '')
      else if (what < 0.5) await core.gateway.report(known, via, { trigger: 'fail', reason: 'flash full' })
      else if (what < 0.6) await core.updates.cancel(scope, update.id)
      else if (what < 0.7) await core.gateway.report(known, via, { trigger: 'download' })
    }
    await core.rolloutMembers.exclude(scope, 'spring', { devices: keys.slice(0, 5), reason: 'lab' })
    const after = await asked(fleet, keys, rollout)
    const left = await core.plans.ofRollout(scope, 'spring', how)
    expect(countsOf(left)).toEqual(after.counts)
    expect(left.outcomes['will-update'].devices).toBe(after.offers)
    await storage.close()
  })
})
