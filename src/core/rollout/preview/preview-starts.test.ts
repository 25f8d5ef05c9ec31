import { beforeEach, describe, expect, it } from 'vitest'
import { plannedFleet, STYLES } from '../../../../test/support/planned-fleet.ts'
import type { Device } from '../../device/device.ts'
import type { RolloutInput } from '../rollout-input.ts'
import { previewStarts } from './preview-starts.ts'

type Fleet = Awaited<ReturnType<typeof plannedFleet>>

let fleet: Fleet

beforeEach(async () => {
  fleet = await plannedFleet()
})

async function starts(key: string, patch: Partial<Device>, only?: readonly string[]) {
  const { core, scope } = fleet
  const before = await core.devices.get(scope.organisation, key)
  const changes = [{ before, after: { ...before, ...patch } }]
  const options = { styles: STYLES, ...(only && { only: new Set(only) }) }
  const found = await previewStarts(core.deps, core.deps.storage.read, changes, options)
  return found.rollouts.map(({ rollout, version }) => `${rollout.key} ${version}`)
}

const GRAZ = { tags: { site: 'graz' } }
const IN_GRAZ: Partial<RolloutInput> = { select: { tags: { site: 'graz' } }, health: { mode: 'off' } }

describe('a change that lets a running rollout take a device in', () => {
  it.each([
    ['a tag', { select: { tags: { site: 'graz' } } }, GRAZ],
    ['an attribute', { select: { attributes: { board: 'rev2' } } }, { attributes: { board: 'rev2' } }],
    ['a name', { select: { filter: 'name = "Lobby"' } }, { name: 'Lobby' }],
    ['a tag less', { select: { filter: 'not tag.keep exists' } }, { tags: {} }],
  ] as const)('by %s', async (_, input, patch) => {
    await fleet.add('truck', { tags: { keep: 'yes' } })
    await fleet.start({ ...input, health: { mode: 'off' } })
    expect(await starts('truck', patch)).toEqual(['spring 1.2.0'])
  })

  it('by its group, its product or its status', async () => {
    const { core, scope, add, start, group } = fleet
    const pilot = await group('pilot')
    await add('truck')
    await add('off')
    await core.devices.update(scope, 'off', { status: 'disabled' })
    await add('bare', { product: null })
    await start({ key: 'pilots', select: { groups: ['pilot'] }, health: { mode: 'off' } })
    await start({ key: 'named', select: { devices: ['off', 'bare'] }, health: { mode: 'off' } })
    expect(await starts('truck', { group: pilot })).toEqual(['pilots 1.2.0'])
    expect(await starts('off', { status: 'active' })).toEqual(['named 1.2.0'])
    expect(await starts('bare', { product: fleet.product })).toEqual(['named 1.2.0'])
    expect(await starts('off', { tags: { any: 'thing' } })).toEqual([])
  })

  it('in a later stage, while the window is closed, frozen, and while it is busy', async () => {
    const { core, scope, add, start, grant } = fleet
    await add('truck', { tags: { site: 'linz' } })
    await start({ key: 'linz', select: { tags: { site: 'linz' } }, release: { product: 'panel', version: '1.1.0' } })
    await grant('truck')
    const window = { kind: 'absolute', startAt: 1, endAt: 2, repeatDaily: true }
    await start({ ...IN_GRAZ, stages: [{ count: 1 }, { percent: 100, window }] })
    await core.organisations.update(scope, { frozen: true })
    expect(await starts('truck', GRAZ)).toEqual(['spring 1.2.0'])
  })

  it('from another rollout', async () => {
    await fleet.add('truck', { tags: { site: 'linz' } })
    await fleet.start({
      key: 'linz',
      select: { tags: { site: 'linz' } },
      release: { product: 'panel', version: '1.1.0' },
    })
    await fleet.start(IN_GRAZ)
    expect(await starts('truck', GRAZ)).toEqual(['spring 1.2.0'])
    expect(await starts('truck', { tags: {} })).toEqual([])
    expect(await starts('truck', { tags: { site: 'linz', more: 'x' } })).toEqual([])
  })
})

describe('a change that starts nothing', () => {
  it.each<[string, (of: Fleet) => Promise<unknown>]>([
    ['no rollout', async () => undefined],
    ['a draft', (of) => of.create(IN_GRAZ)],
    [
      'a paused one',
      async (of) => {
        await of.start(IN_GRAZ)
        await of.core.rolloutControl.pause(of.scope, 'spring')
      },
    ],
    [
      'a stopped one',
      async (of) => {
        await of.start(IN_GRAZ)
        await of.core.rolloutControl.stop(of.scope, 'spring')
      },
    ],
    ['one for others', (of) => of.start({ select: { tags: { site: 'wien' } } })],
    ['one that took it in before', (of) => of.start({ select: { devices: ['truck'] } })],
    ['the list of a snapshot', (of) => of.start({ ...IN_GRAZ, membership: 'snapshot' })],
    ['no stage for it', (of) => of.start({ ...IN_GRAZ, stages: [{ groups: ['pilot'] }] })],
    ['what it runs', (of) => of.start({ ...IN_GRAZ, release: { product: 'panel', version: '1.1.0' } })],
    ['a downgrade', (of) => of.start({ ...IN_GRAZ, release: { product: 'panel', version: '1.0.0' } })],
    [
      'an assignment that outranks it',
      async (of) => {
        await of.start(IN_GRAZ)
        await of.core.assignments.assign(of.scope, { device: 'truck' }, { product: 'panel', version: '1.1.0' })
      },
    ],
    [
      'a device that was taken out',
      async (of) => {
        await of.start(IN_GRAZ)
        await of.core.rolloutMembers.exclude(of.scope, 'spring', { devices: ['truck'], reason: 'lab' })
      },
    ],
    [
      'a stage of a count that is full',
      async (of) => {
        await of.add('first', GRAZ)
        await of.start({ ...IN_GRAZ, stages: [{ count: 1 }] })
        await of.grant('first')
      },
    ],
  ])('%s', async (_, prepare) => {
    await fleet.group('pilot')
    await fleet.add('truck', { runs: '1.1.0' })
    await prepare(fleet)
    expect(await starts('truck', GRAZ)).toEqual([])
  })

  it('reads nothing where nothing that rollouts see has changed', async () => {
    const device = await fleet.add('truck')
    await fleet.start()
    const stores = new Proxy(fleet.core.deps.storage.read, {
      get: () => {
        throw new Error('nothing is to be read')
      },
    })
    const after = { ...device, aliases: { 'enos/asset-id': 'zzz' }, lastSeenAt: 1 }
    const found = await previewStarts(fleet.core.deps, stores, [{ before: device, after }], { styles: STYLES })
    expect(found.devices).toBe(0)
  })

  it('by rollouts other than those that count', async () => {
    await fleet.add('truck')
    const { id } = await fleet.start(IN_GRAZ)
    expect(await starts('truck', GRAZ, [])).toEqual([])
    expect(await starts('truck', GRAZ, [id])).toEqual(['spring 1.2.0'])
  })
})

describe('a change of many devices', () => {
  it('counts them by rollout and names the first', async () => {
    const { core, scope, add, start } = fleet
    for (let index = 0; index < 25; index++) await add(`d${index}`)
    await add('there', GRAZ)
    await start(IN_GRAZ)
    const all = await core.deps.storage.read.devices.list({ organisation: scope.organisation }, { limit: 99 })
    const changes = all.map((before) => ({ before, after: { ...before, ...GRAZ } }))
    const found = await previewStarts(core.deps, core.deps.storage.read, changes, { styles: STYLES })
    expect(found.devices).toBe(25)
    expect(found.rollouts).toMatchObject([{ rollout: { key: 'spring' }, version: '1.2.0', devices: 25 }])
    expect(found.examples).toEqual(Array.from({ length: 10 }, (_, index) => `d${index}`))
    expect(found.words()).toBe(
      'It would start 25 updates: rollout spring (1.2.0) takes in 25 devices (the first are d0, d1, d2, d3, d4, d5, d6, d7, d8, d9).',
    )
  })
})
