import { beforeEach, describe, expect, it } from 'vitest'
import { countsOf, how, plannedFleet } from '../../../../test/support/planned-fleet.ts'
import { openMemoryStorage } from '../../../storage/memory/memory-storage.ts'

let fleet: Awaited<ReturnType<typeof plannedFleet>>

beforeEach(async () => {
  fleet = await plannedFleet()
})

const DAY = 86_400

describe('a plan', () => {
  it('says what becomes of each device, and why', async () => {
    const { core, scope, add, plan, group } = fleet
    await add('updates')
    await add('runs-it', { runs: '1.2.0' })
    await add('newer', { runs: '2.0.0' })
    await add('strange', { runs: 'build-7' })
    await add('unknown', { runs: null })
    await add('off')
    await core.devices.update(scope, 'off', { status: 'disabled' })
    await add('pinned')
    await core.assignments.assign(scope, { device: 'pinned' }, { product: 'panel', version: '1.1.0' })
    await add('in-group', { group: await group('pilot') })
    await core.assignments.assign(scope, { group: 'pilot' }, { product: 'panel', version: '1.1.0' })
    const planned = await plan()
    expect(countsOf(planned)).toEqual({
      'will-update': 2,
      'up-to-date': 1,
      downgrade: 1,
      incomparable: 1,
      disabled: 1,
      assigned: 2,
    })
    expect(planned).toMatchObject({ devices: 8, selected: 8, examined: 8, isComplete: true })
    const words = Object.values(planned.outcomes).flatMap(({ examples }) =>
      examples.map((one) => `${one.device}: ${one.words}`),
    )
    expect(words.sort()).toEqual([
      'in-group: It will be offered 1.1.0, which is assigned to its group.',
      'newer: It runs 2.0.0, which is newer than 1.2.0; rollout spring does not allow downgrades.',
      'off: The device is disabled; it is offered nothing.',
      'pinned: It will be offered 1.1.0, which is assigned to this device.',
      'runs-it: It runs 1.2.0 already.',
      'strange: Whether 1.2.0 is newer than build-7, which it runs, cannot be told: give both a sequence, or allow downgrades in rollout spring.',
      'unknown: It goes from an unknown version to 1.2.0.',
      'updates: It goes from 1.0.0 to 1.2.0.',
    ])
    expect(planned.fromVersions).toEqual([
      { value: '1.0.0', devices: 1 },
      { value: null, devices: 1 },
    ])
  })

  it('counts what the selection leaves out, and says why', async () => {
    const { add, plan } = fleet
    for (const site of ['graz', 'graz', 'wien']) await add(`d-${site}-${Math.random()}`, { tags: { site } })
    const planned = await plan({ select: { tags: { site: 'graz' } } })
    expect(countsOf(planned)).toEqual({ 'will-update': 2, 'not-selected': 1 })
    expect(planned).toMatchObject({ devices: 3, selected: 2, examined: 2 })
    expect(planned.outcomes['not-selected'].examples[0]?.words).toMatch(
      /^Rollout spring is not for it: tag site is wien, not graz/,
    )
    const none = await plan({ select: { tags: { site: 'linz' } } })
    expect(none.warnings.map(({ words }) => words)).toContain('None of the 3 devices of product panel is selected.')
  })

  it('does not take devices that never reported for selected, where that is asked', async () => {
    const { add, plan } = fleet
    await add('talks')
    await add('mute', { runs: null })
    const planned = await plan({ select: { reportingOnly: true } })
    expect(countsOf(planned)).toEqual({ 'will-update': 1, 'not-selected': 1 })
    expect(planned).toMatchObject({ devices: 2, selected: 1, examined: 2 })
  })

  it('leads over floors, counts their bytes, and tells who has no way', async () => {
    const { core, scope, add, plan } = fleet
    await core.floors.create(scope, { product: 'panel', firmware: { version: '1.1.0' }, reason: 'converts settings' })
    for (const key of ['a', 'b']) await add(key)
    await add('past', { runs: '1.1.0' })
    await add('unknown', { runs: null })
    const { firmware } = await core.deps.storage.read.firmware
      .list({ organisation: scope.organisation }, { limit: 9 })
      .then((all) => ({ firmware: all.find(({ version }) => version === '1.2.0') }))
    await core.firmware.update(scope, firmware?.id ?? '', { fromVersions: '1.1.0 || 1.0.5' })
    await add('lost', { runs: '1.1.5' })
    const planned = await plan()
    expect(countsOf(planned)).toEqual({ 'will-update': 3, 'unknown-version': 1, 'no-path': 1 })
    expect(planned.floors).toEqual([{ value: '1.1.0', devices: 2 }])
    const size = 'panel 1.1.0'.length
    expect(planned.bytes).toBe(5 * size)
    expect(planned.outcomes['will-update'].examples.map(({ words }) => words)).toContain(
      'It goes from 1.0.0 over 1.1.0 to 1.2.0.',
    )
    expect(planned.warnings.map(({ words }) => words)).toEqual([
      '1 device has no way to 1.2.0: lost: It runs 1.1.5; 1.2.0 can be installed only from 1.1.0 || 1.0.5. There is no way there.',
      '1 device has no way that is known, because what they run is not known: unknown: It runs an unknown version; there is no way to 1.2.0: it may need version 1.1.0 first, which must not be jumped over (converts settings).',
    ])
  })

  it('puts each device into its stage, as the rollout will if it is made with the same id', async () => {
    const { core, scope, add, plan, grant, group } = fleet
    const pilot = await group('pilot')
    for (let index = 0; index < 60; index++) await add(`d${index}`, index < 5 ? { group: pilot } : {})
    const stages = [{ groups: ['pilot'] }, { percent: 20 }, { percent: 100 }]
    const health = { mode: 'off' } as const
    const planned = await plan({ stages, health })
    const [first, second, third] = planned.stages.map(({ devices }) => devices)
    expect(first).toBe(5)
    expect((first ?? 0) + (second ?? 0) + (third ?? 0)).toBe(60)
    expect(second).toBeGreaterThan(3)
    await core.rollouts.create(scope, {
      key: 'spring',
      id: planned.rollout.id,
      release: { product: 'panel', version: '1.2.0' },
      stages,
      health,
    })
    await core.rolloutControl.start(scope, 'spring')
    const granted: number[] = []
    for (const [index] of stages.entries()) {
      if (index > 0) await core.rolloutControl.advance(scope, 'spring')
      let count = 0
      for (let device = 0; device < 60; device++) if ((await grant(`d${device}`))?.attempt === 1) count += 1
      granted.push(count)
    }
    const perStage = granted.map((count, index) => count - (granted[index - 1] ?? 0))
    expect(perStage).toEqual([first, second, third])
  })

  it('says whom the stages leave out, and which stages have nobody or can never be left', async () => {
    const { add, plan, group } = fleet
    await group('empty')
    for (let index = 0; index < 40; index++) await add(`d${index}`)
    const planned = await plan({ stages: [{ groups: ['empty'] }, { count: 10, minMatured: 20 }, { percent: 50 }] })
    const left = planned.outcomes['no-stage'].devices
    expect(planned.stages.map(({ devices }) => devices)).toEqual([0, 10, 30 - left])
    expect(countsOf(planned)).toEqual({ 'will-update': 40 - left, 'no-stage': left })
    expect(planned.warnings.map(({ kind, words }) => `${kind}: ${words}`)).toEqual([
      `left-out: Its stages leave ${left} devices out, which never get it.`,
      'empty-group: No device of group empty, which a stage names, would be updated.',
      'stuck-stage: Stage 1 can never be left by itself: it waits for a verdict, and 0 of it can give one. Set its successThreshold to 0, or advance it by hand.',
      'stuck-stage: Stage 2 can never be left by itself: it waits for 20 verdicts, and 10 of it can give one. Set its successThreshold to 0, or advance it by hand.',
    ])
    const half = await plan({ stages: [{ percent: 50 }] })
    expect(half.outcomes['no-stage'].examples[0]?.words).toBe('No stage is for it.')
    expect(half.bytes).toBe((half.stages[0]?.devices ?? 0) * 'panel 1.2.0'.length)
  })

  it('knows rollouts that rank before it', async () => {
    const { core, scope, add, plan, start } = fleet
    await add('both')
    await add('mine', { tags: { site: 'wien' } })
    await start({
      key: 'older',
      release: { product: 'panel', version: '1.1.0' },
      select: { filter: 'not tag.site exists' },
    })
    const planned = await plan()
    expect(countsOf(planned)).toEqual({ 'will-update': 1, outranked: 1 })
    expect(planned.warnings.map(({ words }) => words)).toEqual([
      'Rollout older ranks before it and keeps 1 device, until it is finished or this one has a higher priority.',
    ])
    expect(countsOf(await plan({ priority: 1 }))).toEqual({ 'will-update': 2 })
    await core.rolloutControl.pause(scope, 'older')
    const paused = await plan()
    expect(countsOf(paused)).toEqual({ 'will-update': 2 })
    expect(paused.warnings.map(({ kind }) => kind)).toEqual(['ranks-before'])
  })

  it('warns of firmware that is withdrawn or not verified, and of freezing', async () => {
    const { core, scope, add, plan } = fleet
    await add('a')
    await core.organisations.update(scope, { frozen: true })
    expect((await plan()).warnings.map(({ words }) => words)).toEqual([
      'The organisation is frozen: nothing is offered to anybody until it is not any more.',
    ])
    const all = await core.deps.storage.read.firmware.list({ organisation: scope.organisation }, { limit: 9 })
    const id = all.find(({ version }) => version === '1.2.0')?.id ?? ''
    await core.firmware.update(scope, id, { withdrawn: true })
    const planned = await plan()
    expect(countsOf(planned)).toEqual({ withdrawn: 1 })
    expect(planned.warnings.map(({ kind }) => kind)).toEqual(['none-updated', 'withdrawn', 'frozen'])
  })

  it('warns of devices that nobody can verify, that choose by themselves, or that cannot ask', async () => {
    const { core, scope, add, plan } = fleet
    await add('truck', { scheme: 'spoke-zone' })
    await add('bare', { scheme: null })
    await add('good')
    const planned = await plan()
    expect(planned.unverifiable).toBe(1)
    expect(planned.warnings.map(({ words }) => words)).toEqual([
      'Of 1 device (33 %) no protocol tells what becomes of an update: they are no evidence for the health gate, and too many of them need approval.',
      '1 device has no credential, and so cannot ask for it.',
    ])
    await core.products.update(scope, 'panel', { distribution: 'catalogue' })
    expect((await plan()).warnings.map(({ kind }) => kind)).toEqual(['catalogue', 'no-credential'])
  })

  it('estimates from the last signs of life, and counts silent devices apart', async () => {
    const { add, plan } = fleet
    for (let index = 0; index < 100; index++) await add(`d${index}`, { age: (index / 100) * 3600 })
    await add('silent', { age: 31 * DAY })
    await add('never', { age: null })
    const planned = await plan({ health: { mode: 'off' } })
    const { estimate } = planned
    expect(estimate).toMatchObject({ seen: 100, silent: 1, neverSeen: 1, brake: 'check-ins', approvals: 0 })
    expect(Math.abs((estimate.untilHalf ?? 0) - 1800)).toBeLessThan(120)
    expect(Math.abs((estimate.until95 ?? 0) - 3420)).toBeLessThan(180)
    expect(estimate.words).toEqual([
      'Half of the devices are offered it within 30 min, 95 % within 57 min.',
      'Most of the time it waits for devices to ask.',
      '100 of them were seen in the last 30 days: half within 30 min, 95 % within 57 min. How long ago a device was last seen is, over a fleet, how long it takes until it asks again.',
      'It is assumed that every update succeeds.',
      '2 that are silent or were never seen are left out.',
    ])
    expect(planned.warnings.map(({ words }) => words)).toEqual([
      '2 devices were not seen for 30 days, 1 of them never: nobody knows when they ask.',
    ])
  })

  it('counts cohorts of those that will be updated', async () => {
    const { add, plan } = fleet
    for (const [index, hardwareRevision] of ['B', 'B', 'C'].entries())
      await add(`d${index}`, { attributes: { hardwareRevision } })
    await add('bare', { runs: '1.1.0' })
    const { cohorts } = await plan()
    expect(cohorts).toEqual([
      {
        family: 'hardwareRevision',
        values: [
          { value: 'B', devices: 2 },
          { value: 'C', devices: 1 },
        ],
      },
      {
        family: 'from-version',
        values: [
          { value: '1.0.0', devices: 3 },
          { value: '1.1.0', devices: 1 },
        ],
      },
    ])
  })

  it('leaves nothing behind, and refuses what create would', async () => {
    const { core, scope, add, plan, create } = fleet
    await add('a')
    const events = () => core.deps.storage.read.events.list({ organisation: scope.organisation }, { limit: 1000 })
    const before = await events()
    await plan()
    await plan({ membership: 'snapshot' })
    expect(await core.deps.storage.read.rollouts.count({ organisation: scope.organisation })).toBe(0)
    expect(await events()).toEqual(before)
    await create()
    await expect(plan()).rejects.toMatchObject({ code: 'conflict' })
    await expect(plan({ key: 'other', stages: [{ percent: 101 }] })).rejects.toMatchObject({ code: 'invalid' })
    await expect(plan({ key: 'other', stages: [{ groups: ['nobody'] }] })).rejects.toMatchObject({ code: 'not-found' })
    await expect(core.plans.ofRollout(scope, 'nothing', how)).rejects.toMatchObject({ code: 'not-found' })
  })

  it('ends after its time, or when nobody waits for it, and says how far it came', async () => {
    const { clock, core, scope, add } = fleet
    for (let index = 0; index < 3; index++) await add(`d${index}`)
    let asked = 0
    const isWanted = () => {
      asked += 1
      clock.advance({ seconds: 121 })
      return true
    }
    const input = { key: 'spring', release: { product: 'panel', version: '1.2.0' } }
    const planned = await core.plans.ofInput(scope, input, { ...how, isWanted })
    expect(asked).toBe(1)
    expect(planned).toMatchObject({ isComplete: false, examined: 3 })
    expect(planned.warnings[0]?.words).toBe(
      'Only 3 of 3 devices were looked at within 120 s; the counts are of these alone.',
    )
    const unwanted = await core.plans.ofInput(scope, input, { ...how, isWanted: () => false })
    expect(unwanted.isComplete).toBe(false)
  })

  it('is made so many at one time', async () => {
    const { add, plan } = fleet
    await add('a')
    const results = await Promise.allSettled([plan(), plan(), plan()])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(results[2]).toMatchObject({ reason: { code: 'too-many' } })
    await expect(plan()).resolves.toMatchObject({ isComplete: true })
  })
})

describe('the plan of a rollout that is there', () => {
  it('is what is left of it', async () => {
    const { core, scope, add, start, grant, install, facts } = fleet
    for (let index = 0; index < 6; index++) await add(`d${index}`)
    await start({ health: { mode: 'off' }, options: { retry: { attempts: 1 } } })
    for (const key of ['d0', 'd1', 'd2']) await grant(key)
    await install('d0', '1.2.0')
    await core.gateway.report(await facts('d1'), 'native', { trigger: 'fail', reason: 'flash full' })
    await core.rolloutMembers.exclude(scope, 'spring', { devices: ['d5'], reason: 'lab' })
    const planned = await core.plans.ofRollout(scope, 'spring', how)
    expect(countsOf(planned)).toEqual({ 'up-to-date': 1, 'gave-up': 1, 'under-way': 1, 'will-update': 2, excluded: 1 })
    expect(planned.stages).toEqual([{ stage: 1, reach: { kind: 'percent', percent: 100 }, devices: 2 }])
  })

  it('looks at the members of a list that was taken', async () => {
    const { core, scope, add, create } = fleet
    await add('a')
    await add('b', { tags: { site: 'graz' } })
    await create({ membership: 'snapshot', select: { tags: { site: 'graz' } } })
    await core.devices.update(scope, 'a', { tags: { site: 'graz' } })
    const planned = await core.plans.ofRollout(scope, 'spring', how)
    expect(countsOf(planned)).toEqual({ 'will-update': 1, 'not-selected': 1 })
    expect(planned.outcomes['not-selected'].examples).toEqual([
      {
        device: 'a',
        words:
          'Rollout spring is not for it: it was not among the devices that were selected when the rollout was made.',
      },
    ])
  })
})

describe('the plan of taking a rollout back', () => {
  it('returns each device to what it ran, and tells whom it cannot', async () => {
    const { core, scope, add, start, grant, install } = fleet
    await add('back')
    await add('other', { runs: '1.1.0' })
    await add('unknown', { runs: null })
    await add('untouched')
    await start({ health: { mode: 'off' } })
    for (const key of ['back', 'other', 'unknown']) {
      await grant(key)
      await install(key, '1.2.0')
    }
    const all = await core.deps.storage.read.firmware.list({ organisation: scope.organisation }, { limit: 9 })
    await core.firmware.update(scope, all.find(({ version }) => version === '1.1.0')?.id ?? '', { withdrawn: true })
    const guarded = await core.plans.ofUndo(scope, 'spring', {}, how)
    expect(countsOf(guarded)).toEqual({
      downgrade: 1,
      'previous-missing': 1,
      'previous-unknown': 1,
      'not-selected': 1,
    })
    const planned = await core.plans.ofUndo(scope, 'spring', { allowDowngrade: true }, how)
    expect(countsOf(planned)).toEqual({
      'will-update': 1,
      'previous-missing': 1,
      'previous-unknown': 1,
      'not-selected': 1,
    })
    expect(planned.outcomes['will-update'].examples).toEqual([
      { device: 'back', words: 'It goes from 1.2.0 to 1.0.0.' },
    ])
    expect(planned.rollout).toMatchObject({ kind: 'undo', key: 'spring-undo' })
    expect(await core.rollouts.get(scope.organisation, 'spring')).toMatchObject({ state: 'running' })
    await expect(core.rollouts.get(scope.organisation, 'spring-undo')).rejects.toMatchObject({ code: 'not-found' })
  })

  it('is refused for a draft', async () => {
    const { core, scope, create } = fleet
    await create()
    await expect(core.plans.ofUndo(scope, 'spring', {}, how)).rejects.toMatchObject({ code: 'wrong-state' })
  })
})

describe('the plan of a large fleet', () => {
  it('goes through 20,000 devices, a batch at a time', async () => {
    const storage = openMemoryStorage()
    const large = await plannedFleet(storage)
    const { scope, product } = large
    await storage.transaction(async (stores) => {
      for (let index = 0; index < 20_000; index++)
        await stores.devices.insert({
          id: index.toString(16).padStart(24, '0'),
          createdAt: large.clock.now(),
          organisation: scope.organisation,
          key: `d${index}`,
          name: `d${index}`,
          product,
          group: null,
          status: 'active',
          tags: { site: index % 4 === 0 ? 'graz' : 'wien' },
          attributes: { serialNumber: `${index}` },
          aliases: {},
          lastSeenAt: large.clock.now() - index * 100,
        })
    })
    const slices: number[] = []
    const { management } = storage
    const listFacts = management.devices.listFacts.bind(management.devices)
    management.devices.listFacts = async (filter, slice) => {
      slices.push(slice.limit)
      return listFacts(filter, slice)
    }
    const planned = await large.plan({
      stages: [{ percent: 10 }, { percent: 100 }],
      health: { cohorts: ['serialNumber'] },
    })
    expect(countsOf(planned)).toEqual({ 'will-update': 20_000 })
    expect(Math.max(...slices)).toBeLessThanOrEqual(500)
    expect(slices.length).toBeGreaterThanOrEqual(40)
    const [first, second] = planned.stages.map(({ devices }) => devices)
    expect((first ?? 0) + (second ?? 0)).toBe(20_000)
    expect(Math.abs((first ?? 0) - 2_000)).toBeLessThan(200)
    expect(planned.cohorts[0]?.values).toHaveLength(201)
    expect(planned.cohorts[0]?.values[0]).toEqual({ value: '(others)', devices: 19_800 })
    const part = await large.plan({ select: { tags: { site: 'graz' } } })
    expect(part).toMatchObject({ devices: 20_000, selected: 5_000, examined: 5_000 })
  })
})
