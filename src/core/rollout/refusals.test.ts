import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { START } from '../../../test/support/fixed-clock.ts'
import { NATIVE, RolloutFleet } from '../../../test/support/rollout-fleet.ts'
import { pushFirmware } from '../../../test/support/test-core.ts'
import type { NoneBecause, UpdateBecause } from '../decide/decision.ts'
import type { RolloutBecause } from './because.ts'

/** Each reason must be met below, with its facts and its words. A new kind does not compile until it stands here. */
const KINDS = {
  'not-selected': true,
  'snapshot-being-taken': true,
  excluded: true,
  'cancelled-here': true,
  'rollout-paused': true,
  'push-only': true,
  'rollout-stopped': true,
  'verification-pending': true,
  'floor-verification-pending': true,
  downgrade: true,
  incomparable: true,
  'gave-up': true,
  'done-before': true,
  'penalty-box': true,
  'stage-not-reached': true,
  'stage-full': true,
  'awaiting-approval': true,
  'window-closed': true,
  'spread-out': true,
  'slots-taken': true,
  'rate-reached': true,
  'health-hold': true,
  'cohort-hold': true,
  'cohort-stopped': true,
  'unverifiable-hold': true,
  'previous-unknown': true,
  'previous-missing': true,
} satisfies Record<RolloutBecause['kind'], true>

const NO_GATE = { health: { mode: 'off', allowance: 'unlimited' } } as const
const FREE = { ...NO_GATE, stages: [{ percent: 100, successThreshold: 0 }] }
const SPRING = { id: expect.any(String), key: 'spring' }

let fleet: RolloutFleet
const met = new Set<string>()

beforeEach(async () => {
  fleet = await RolloutFleet.open()
})

/** The reason, in facts and in words. */
async function expectWhy(key: string, facts: NoneBecause | UpdateBecause, words: string | RegExp, options = NATIVE) {
  const { because } = await fleet.decide(key, options)
  expect(because).toEqual(facts)
  expect(await fleet.why(key, options)).toMatch(words)
  met.add(facts.kind)
}

const exactly = (words: string) => new RegExp(`^${words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`)
const iso = (at: number) => new Date(at).toISOString()

it('push-only', async () => {
  await fleet.addDevices(1)
  await fleet.start({ ...FREE, options: { pull: false } })
  const words = exactly('Rollout spring is only pushed; devices cannot ask for it.')
  await expectWhy('d0', { kind: 'push-only', rollout: SPRING }, words, { ...NATIVE, pulls: true })
  expect(await fleet.grant('d0', { ...NATIVE, pulls: true })).toBeUndefined()
  expect(await fleet.grant('d0')).toMatchObject({ state: 'offered' })
})

describe('who is not meant', () => {
  it('not-selected', async () => {
    await fleet.addDevices(1, { tags: { site: 'vienna' } })
    await fleet.start({ select: { tags: { site: 'graz' } } })
    const { considered } = (await fleet.decide('d0')) as { considered?: unknown[] }
    expect(await fleet.why('d0')).toBe('Nothing is assigned to the device or its group.')
    const because = { kind: 'not-selected', rollout: SPRING, reason: 'tag site is vienna, not graz' }
    expect(considered).toEqual([{ rollout: SPRING, because }])
    met.add('not-selected')
  })

  it('not-selected: it never said what it runs; it came after the snapshot', async () => {
    await fleet.addDevices(1, { running: null })
    await fleet.start({ select: { reportingOnly: true } })
    await fleet.start({ key: 'summer', membership: 'snapshot', select: { filter: 'key = "nobody"' } })
    const decision = await fleet.decide('d0')
    const reasons = decision.kind === 'none' ? decision.considered?.map(({ because }) => because) : []
    expect(reasons).toMatchObject([
      { reason: 'it never said what it runs' },
      { reason: 'it was not among the devices that were selected when the rollout was made' },
    ])
  })

  it('snapshot-being-taken', async () => {
    await fleet.addDevices(1)
    const { core, scope } = fleet
    await core.deps.storage.transaction(async (stores) => {
      const draft = await core.rollouts.insert(stores, scope, {
        key: 'spring',
        release: { product: 'panel', version: '1.1.0' },
        membership: 'snapshot',
      })
      await core.rolloutControl.begin(stores, scope, draft)
    })
    await expectWhy(
      'd0',
      { kind: 'snapshot-being-taken', rollout: SPRING },
      exactly('Rollout spring is still making the list of its devices.'),
    )
    await fleet.tend()
    expect(await fleet.grant('d0')).toBeDefined()
  })

  it('excluded', async () => {
    await fleet.addDevices(1)
    await fleet.start()
    await fleet.core.rolloutMembers.exclude(fleet.scope, 'spring', { devices: ['d0'], reason: 'on a test bench' })
    await expectWhy(
      'd0',
      { kind: 'excluded', rollout: SPRING, reason: 'on a test bench' },
      exactly('It was taken out of rollout spring: on a test bench.'),
    )
  })

  it('cancelled-here', async () => {
    await fleet.addDevices(1)
    await fleet.start()
    const update = await fleet.grant('d0')
    await fleet.core.updates.cancel(fleet.scope, update?.id ?? '')
    await expectWhy(
      'd0',
      { kind: 'cancelled-here', rollout: SPRING, version: '1.1.0' },
      exactly('Its update to 1.1.0 was cancelled; rollout spring offers it again once it is told to retry the device.'),
    )
    await fleet.core.rolloutMembers.retry(fleet.scope, 'spring', ['d0'])
    expect(await fleet.grant('d0')).toBeDefined()
  })
})

describe('a rollout that does not grant', () => {
  it('rollout-paused', async () => {
    await fleet.addDevices(1)
    await fleet.start()
    await fleet.core.rolloutControl.pause(fleet.scope, 'spring')
    await expectWhy('d0', { kind: 'rollout-paused', rollout: SPRING }, exactly('Rollout spring is paused.'))
  })

  it('rollout-stopped', async () => {
    await fleet.addDevices(1)
    await fleet.start()
    await fleet.core.rolloutControl.stop(fleet.scope, 'spring', { reason: 'the display flickers' })
    await expectWhy(
      'd0',
      { kind: 'rollout-stopped', rollout: SPRING, words: 'the display flickers' },
      exactly('Rollout spring is stopped: the display flickers'),
    )
  })

  it('verification-pending', async () => {
    await fleet.addDevices(3)
    const { core, scope } = fleet
    const { firmware } = await pushFirmware(core, scope, 'panel', '2.0.0')
    await fleet.start({ release: { firmware: firmware.id } })
    const verification = { enabled: true, verified: false, maxDevices: 2, minSucceeded: 1 }
    await core.deps.storage.transaction((stores) => stores.firmware.update(firmware.serial, { verification }))
    await expectWhy(
      'd0',
      { kind: 'verification-pending', rollout: SPRING, version: '2.0.0' },
      exactly('Version 2.0.0 must be verified on a few devices before rollout spring may use it.'),
    )
    await fleet.start({ key: 'trial', kind: 'verification', release: { firmware: firmware.id } })
    expect(await fleet.grantAll(['d0', 'd1', 'd2'])).toEqual(['d0', 'd1'])
    await fleet.install('d0', '2.0.0')
    expect((await core.firmware.get(scope.organisation, firmware.id)).verification.verified).toBe(true)
    expect(await fleet.why('d2')).toBe('It will be offered 2.0.0 by rollout spring, stage 1 of 1.')
  })
})

describe('guards', () => {
  it('downgrade', async () => {
    await fleet.addDevices(1, { running: '1.2.0' })
    await fleet.start()
    await expectWhy(
      'd0',
      { kind: 'downgrade', rollout: SPRING, from: '1.2.0', to: '1.1.0', isForbidden: false },
      exactly('It runs 1.2.0, which is newer than 1.1.0; rollout spring does not allow downgrades.'),
    )
    await fleet.start({ key: 'summer', priority: 1, options: { allowDowngrade: true } })
    expect(await fleet.why('d0')).toMatch('offered 1.1.0 by rollout summer')
    await fleet.core.products.update(fleet.scope, 'panel', { downgrades: 'forbidden' })
    expect(await fleet.why('d0')).toBe('It runs 1.2.0, and its product forbids going back to 1.1.0.')
  })

  it('incomparable', async () => {
    await fleet.addDevices(1, { running: 'red' })
    await fleet.start()
    await expectWhy(
      'd0',
      { kind: 'incomparable', rollout: SPRING, from: 'red', to: '1.1.0' },
      exactly(
        'Whether 1.1.0 is newer than red, which it runs, cannot be told: give both a sequence, or allow downgrades in rollout spring.',
      ),
    )
  })

  it('floor, then the target', async () => {
    await fleet.addDevices(1)
    const { core, scope } = fleet
    await core.floors.create(scope, {
      product: 'panel',
      firmware: { version: '1.1.0' },
      reason: 'it moves the partitions',
    })
    await fleet.start({ ...FREE, release: { product: 'panel', version: '1.2.0' } })
    await expectWhy(
      'd0',
      { kind: 'floor', version: '1.1.0', towards: '1.2.0', reason: 'it moves the partitions' },
      exactly('It must install 1.1.0 first, on its way to 1.2.0: it moves the partitions.'),
    )
    await fleet.grant('d0')
    expect(await fleet.outcomes()).toEqual({ open: 1 })
    await fleet.install('d0', '1.1.0')
    expect(await fleet.outcomes()).toEqual({})
    expect(await fleet.why('d0')).toBe('It will be offered 1.2.0 by rollout spring, stage 1 of 1.')
    await fleet.grant('d0')
    await fleet.install('d0', '1.2.0')
    expect(await fleet.outcomes()).toEqual({ succeeded: 1 })
    expect((await fleet.room()).whole).toMatchObject({ devices: 1, slots: 0 })
  })

  it('floor-verification-pending', async () => {
    await fleet.addDevices(2)
    const { core, scope } = fleet
    const { firmware } = await pushFirmware(core, scope, 'panel', '1.1.5')
    const verification = { enabled: true, verified: false, maxDevices: 5, minSucceeded: 1 }
    await core.deps.storage.transaction((stores) => stores.firmware.update(firmware.serial, { verification }))
    const plan = () => core.plans.ofRollout(scope, 'spring', { styles: { native: NATIVE } })
    const floor = (version: string) =>
      core.floors.create(scope, { product: 'panel', firmware: { version }, reason: 'it moves the partitions' })
    await floor('1.1.0')
    await floor('1.1.5')
    const release = { product: 'panel', version: '1.2.0' }
    await fleet.start({ ...FREE, release })
    // Also for a device that would be granted another floor first: a way is open as a whole or not at all.
    await expectWhy(
      'd0',
      {
        kind: 'floor-verification-pending',
        rollout: SPRING,
        version: '1.2.0',
        floor: '1.1.5',
        reason: 'it moves the partitions',
      },
      exactly(
        'It must install 1.1.5 on its way to 1.2.0 (it moves the partitions), and that must be verified on a few devices before rollout spring may use it.',
      ),
    )
    expect(await fleet.grant('d0')).toBeUndefined()
    const planned = await plan()
    expect(planned.outcomes['floor-unverified']).toMatchObject({ devices: 2 })
    expect(planned.warnings.map(({ words }) => words)).toContainEqual(
      expect.stringMatching(
        /^2 devices have a version on their way that must be verified first: d0: It must install 1.1.5/,
      ),
    )
    // Not for one that stands above it, and for all once it is verified; its own verification may use it.
    await fleet.install('d1', '1.1.5')
    expect(await fleet.why('d1')).toBe('It will be offered 1.2.0 by rollout spring, stage 1 of 1.')
    const own = { key: 'trial', kind: 'verification', release: { product: 'panel', version: '1.1.5' } } as const
    await core.rollouts.create(scope, { ...own, options: { allowDowngrade: true } })
    await core.rolloutControl.start(scope, 'trial')
    await fleet.grant('d0')
    await fleet.install('d0', '1.1.0')
    await fleet.grant('d0')
    await fleet.install('d0', '1.1.5')
    expect(await fleet.why('d0')).toBe('It will be offered 1.2.0 by rollout spring, stage 1 of 1.')
    expect((await plan()).outcomes['floor-unverified'].devices).toBe(0)
  })

  it('a floor holds for assignments as well', async () => {
    await fleet.addDevices(1)
    const { core, scope } = fleet
    await core.floors.create(scope, {
      product: 'panel',
      firmware: { version: '1.1.0' },
      reason: 'it moves the partitions',
    })
    await core.assignments.assign(scope, { device: 'd0' }, { product: 'panel', version: '1.2.0' })
    expect(await fleet.why('d0')).toMatch('It must install 1.1.0 first')
    await fleet.grant('d0')
    expect(await fleet.why('d0')).toBe('It is updating to 1.1.0: offered.')
    await fleet.install('d0', '1.1.0')
    expect(await fleet.why('d0')).toMatch('It will be offered 1.2.0, which is assigned to this device.')
  })

  it('no-path', async () => {
    await fleet.addDevices(1)
    const { core, scope } = fleet
    const { firmware } = await pushFirmware(core, scope, 'panel', '3.0.0')
    await core.firmware.update(scope, firmware.id, { fromVersions: '>=1.1.0' })
    await fleet.start({ release: { firmware: firmware.id } })
    await expectWhy(
      'd0',
      { kind: 'no-path', from: '1.0.0', to: '3.0.0', needs: '>=1.1.0' },
      exactly('It runs 1.0.0; 3.0.0 can be installed only from >=1.1.0. There is no way there.'),
    )
  })

  it('penalty-box', async () => {
    await fleet.addDevices(1)
    const retry = { attempts: 10, pauseSeconds: 0 }
    await fleet.start({ ...FREE, options: { retry } })
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(await fleet.grant('d0')).toMatchObject({ attempt: attempt + 1 })
      await fleet.fail('d0')
    }
    const until = START + 86_400_000
    await expectWhy(
      'd0',
      { kind: 'penalty-box', rollout: SPRING, until, failures: 3 },
      exactly(`Its last 3 updates failed; it is left alone until ${iso(until)}.`),
    )
    await fleet.core.rolloutMembers.retry(fleet.scope, 'spring', ['d0'])
    expect(await fleet.grant('d0')).toBeDefined()
  })
})

describe('what became of it here', () => {
  it('retry-later, gave-up', async () => {
    await fleet.addDevices(1)
    await fleet.start({ ...FREE, options: { retry: { attempts: 2, pauseSeconds: 60 } } })
    await fleet.grant('d0')
    await fleet.fail('d0')
    await expectWhy(
      'd0',
      { kind: 'retry-later', until: START + 60_000, attempt: 1, reason: 'flash full' },
      /^Attempt 1 failed \(flash full\)/,
    )
    await fleet.later({ minutes: 1 })
    await fleet.grant('d0')
    await fleet.fail('d0')
    await expectWhy(
      'd0',
      { kind: 'gave-up', rollout: SPRING, attempts: 2, reason: 'flash full' },
      exactly('It failed 2 times (flash full); rollout spring tries no more unless it is told to retry.'),
    )
  })

  it('done-before', async () => {
    await fleet.addDevices(1)
    await fleet.start(FREE)
    await fleet.grant('d0')
    await fleet.install('d0', '1.1.0')
    await fleet.install('d0', '1.0.0')
    await expectWhy(
      'd0',
      { kind: 'done-before', rollout: SPRING, version: '1.1.0', runs: '1.0.0' },
      exactly(
        'Rollout spring updated it to 1.1.0 before; it runs 1.0.0 now. It is not updated twice unless the rollout is told to retry.',
      ),
    )
  })

  it('previous-unknown and previous-missing', async () => {
    await fleet.addDevices(1, { running: null })
    await fleet.start(FREE)
    await fleet.grant('d0')
    await fleet.install('d0', '1.1.0')
    await fleet.core.undos.undo(fleet.scope, 'spring', { allowDowngrade: true })
    await expectWhy(
      'd0',
      { kind: 'previous-unknown', rollout: { id: expect.any(String), key: 'spring-undo' } },
      exactly('Rollout spring-undo cannot return it: what it ran before is not known.'),
    )
    fleet = await RolloutFleet.open()
    await fleet.addDevices(1, { running: '0.9.0' })
    await fleet.start(FREE)
    await fleet.grant('d0')
    await fleet.install('d0', '1.1.0')
    await fleet.core.undos.undo(fleet.scope, 'spring', { allowDowngrade: true })
    await expectWhy(
      'd0',
      { kind: 'previous-missing', rollout: { id: expect.any(String), key: 'spring-undo' }, version: '0.9.0' },
      exactly('Rollout spring-undo cannot return it to 0.9.0: that firmware is gone or withdrawn.'),
    )
  })
})

describe('stages', () => {
  it('stage-not-reached', async () => {
    await fleet.addDevices(1)
    await fleet.core.groups.create(fleet.scope, { key: 'pilot' })
    await fleet.start({ ...NO_GATE, stages: [{ groups: ['pilot'] }, { percent: 100 }] })
    await expectWhy(
      'd0',
      { kind: 'stage-not-reached', rollout: SPRING, stage: 2, current: 1 },
      exactly('It belongs to stage 2 of rollout spring, which is at stage 1.'),
    )
  })

  it('stage-full', async () => {
    await fleet.addDevices(2)
    await fleet.start({ ...NO_GATE, stages: [{ count: 1 }] })
    await fleet.grant('d0')
    await expectWhy(
      'd1',
      { kind: 'stage-full', rollout: SPRING, stage: 1, devices: 1 },
      exactly('Stage 1 of rollout spring is for 1 device, which all came before it.'),
    )
  })

  it('awaiting-approval, of two different people', async () => {
    await fleet.addDevices(1)
    await fleet.start({ ...NO_GATE, stages: [{ percent: 100, approvals: 2 }] })
    await expectWhy(
      'd0',
      { kind: 'awaiting-approval', rollout: SPRING, stage: 1, approvals: 2 },
      exactly('Stage 1 of rollout spring waits for the approval of two people.'),
    )
    const { rolloutControl } = fleet.core
    await rolloutControl.approve(fleet.person('ann'), 'spring')
    await expect(rolloutControl.approve(fleet.person('ann'), 'spring')).rejects.toMatchObject({ code: 'conflict' })
    await expect(rolloutControl.approve(fleet.scope, 'spring')).rejects.toMatchObject({ code: 'forbidden' })
    expect(await fleet.grant('d0')).toBeUndefined()
    await rolloutControl.approve(fleet.person('bob'), 'spring')
    expect(await fleet.grant('d0')).toBeDefined()
  })

  it('window-closed, in the time zone of the device', async () => {
    await fleet.addDevices(1, { tags: { timeZone: 'Asia/Tokyo' } })
    const { opensAt } = { opensAt: Date.UTC(2026, 10, 28, 17) }
    const hours = (opensAt - START) / 3_600_000
    fleet.clock.advance({ hours: Math.floor(hours) - 2 })
    await fleet.start({
      ...NO_GATE,
      stages: [{ percent: 100, window: { kind: 'daily', from: '02:00', to: '04:00', zone: 'device' } }],
    })
    const { because } = await fleet.decide('d0')
    if (because.kind !== 'window-closed' || because.opensAt === null) throw new Error('the window is open')
    expect(new Date(because.opensAt).getUTCHours()).toBe(17)
    await expectWhy(
      'd0',
      { kind: 'window-closed', rollout: SPRING, stage: 1, opensAt: because.opensAt },
      exactly(`The window of stage 1 of rollout spring opens at ${iso(because.opensAt)}.`),
    )
    fleet.clock.advance({ millis: because.opensAt - fleet.clock.now() })
    expect(await fleet.grant('d0')).toBeDefined()
  })

  it('spread-out', async () => {
    await fleet.addDevices(1)
    await fleet.start({ ...NO_GATE, stages: [{ percent: 100, spreadSeconds: 86_400 }] })
    const { because } = await fleet.decide('d0')
    if (because.kind !== 'spread-out') throw new Error('not spread')
    expect(because.until).toBeLessThan(START + 86_400_000)
    await expectWhy(
      'd0',
      { kind: 'spread-out', rollout: SPRING, stage: 1, until: because.until },
      exactly(`Devices of stage 1 of rollout spring are spread over time; its turn comes at ${iso(because.until)}.`),
    )
    fleet.clock.advance({ millis: because.until - fleet.clock.now() })
    expect(await fleet.grant('d0')).toBeDefined()
  })

  it('slots-taken', async () => {
    await fleet.addDevices(2)
    await fleet.start({ ...NO_GATE, stages: [{ percent: 100, concurrency: 1 }] })
    await fleet.grant('d0')
    await expectWhy(
      'd1',
      { kind: 'slots-taken', rollout: SPRING, stage: 1, taken: 1, limit: 1 },
      exactly('1 of 1 slots of stage 1 of rollout spring are taken.'),
    )
    await fleet.install('d0')
    expect(await fleet.grant('d1')).toBeDefined()
  })

  it('rate-reached', async () => {
    await fleet.addDevices(2)
    await fleet.start({ ...NO_GATE, stages: [{ percent: 100, ratePerMinute: 1 }] })
    await fleet.grant('d0')
    const until = (Math.floor(START / 60_000) + 1) * 60_000
    await expectWhy(
      'd1',
      { kind: 'rate-reached', rollout: SPRING, stage: 1, perMinute: 1, until },
      exactly(`Stage 1 of rollout spring grants 1 a minute; the next from ${iso(until)}.`),
    )
    fleet.clock.advance({ minutes: 1 })
    expect(await fleet.grant('d1')).toBeDefined()
  })
})

describe('the health gate', () => {
  it('health-hold', async () => {
    const keys = await fleet.addDevices(11)
    await fleet.start()
    await fleet.grantAll(keys)
    await expectWhy(
      'd10',
      { kind: 'health-hold', rollout: SPRING, holding: 10, allowance: 10 },
      exactly(
        '10 devices of rollout spring hold the release without a verdict; 10 may at once until more have matured.',
      ),
    )
  })

  it('cohort-hold and cohort-stopped', async () => {
    const { core, scope } = fleet
    const product = (await core.products.get(scope.organisation, 'panel')).serial
    for (let index = 0; index < 400; index++) {
      const revision = index < 60 ? 'C' : 'A'
      await core.devices.create(scope, { key: `r${index}`, product, attributes: { hardwareRevision: revision } })
    }
    const keys = Array.from({ length: 400 }, (_, index) => `r${index}`)
    await fleet.start({ health: { cohorts: ['hardwareRevision'], allowance: { growth: 10 } } })
    const good = keys.slice(60)
    for (let hour = 0; hour < 4; hour++) {
      for (const key of await fleet.grantAll(good)) await fleet.install(key)
      await fleet.later({ hours: 1 })
    }
    const granted = await fleet.grantAll(keys.slice(0, 60))
    expect(granted).toHaveLength(10)
    await expectWhy(
      'r59',
      { kind: 'cohort-hold', rollout: SPRING, cohort: 'hardwareRevision C', holding: 10 },
      /^10 devices like it \(hardwareRevision C\) in rollout spring hold the release without a verdict/,
    )
    for (const key of granted.slice(0, 6)) await fleet.fail(key)
    expect((await fleet.rollout()).state).toBe('running')
    await expectWhy(
      'r59',
      { kind: 'cohort-stopped', rollout: SPRING, cohort: 'hardwareRevision C', words: expect.any(String) },
      /^Devices like it \(hardwareRevision C\) are excluded from rollout spring: Devices with hardwareRevision C: \d of 10/,
    )
    // One that failed is not tried again either.
    fleet.clock.advance({ hours: 1 })
    expect((await fleet.decide(granted[0] ?? '')).because).toMatchObject({ kind: 'cohort-stopped' })
    await core.rolloutControl.resume(scope, 'spring', { cohorts: ['hardwareRevision=C'] })
    expect(await fleet.grant(granted[0] ?? '')).toMatchObject({ attempt: 2 })
    expect(await fleet.grant('r59')).toBeDefined()
  })

  it('unverifiable-hold', async () => {
    const SILENT = { via: 'spoke-zone', reporting: 'silent', isVerifiable: false } as const
    const keys = await fleet.addDevices(11)
    await fleet.start()
    expect(await fleet.grantAll(keys, SILENT)).toHaveLength(10)
    await expectWhy(
      'd10',
      { kind: 'unverifiable-hold', rollout: SPRING, granted: 10 },
      exactly(
        'What became of 10 devices of rollout spring cannot be verified over their protocol; going on needs approval.',
      ),
      SILENT,
    )
    await fleet.core.rolloutControl.approve(fleet.person('ann'), 'spring', 'unverifiable')
    expect(await fleet.grant('d10', SILENT)).toBeDefined()
  })
})

afterAll(() => {
  expect(Object.keys(KINDS).filter((kind) => !met.has(kind))).toEqual([])
})
