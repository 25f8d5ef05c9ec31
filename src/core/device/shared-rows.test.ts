import { describe, expect, it } from 'vitest'
import { RolloutFleet } from '../../../test/support/rollout-fleet.ts'
import { STORAGES } from '../../../test/support/storages.ts'
import { type DeviceFacts, loadDeviceFacts } from './device-facts.ts'
import { SharedRows } from './shared-rows.ts'

const GATE_OFF = { mode: 'off', allowance: 'unlimited' } as const

/** Devices that are alike but for their names, each with a token of its own, and a rollout that is not for them. */
async function alike(name: string, count = 2): Promise<RolloutFleet> {
  const storage = await STORAGES.find((one) => one.name === name)?.open()
  const fleet = await RolloutFleet.open(storage && { storage })
  const labels = { tags: { site: 'kiel', ring: 'two' }, attributes: { hardware: 'revision b' } }
  for (const key of await fleet.addDevices(count, labels)) {
    const { serial: device } = await fleet.device(key)
    await fleet.core.credentials.rotate(fleet.scope, { device }, { scheme: 'native', secret: `token of ${key}` })
  }
  await fleet.start({ key: 'rome', select: { tags: { site: 'rome' } }, health: GATE_OFF })
  return fleet
}

async function groupUp(fleet: RolloutFleet, keys: readonly string[]): Promise<void> {
  const { core, scope } = fleet
  await core.groups.create(scope, { key: 'pilot' })
  await core.groups.changeMembers(scope, 'pilot', { add: keys, remove: [] })
  await core.assignments.assign(scope, { group: 'pilot' }, { product: 'panel', version: '1.2.0' })
}

/** As it is in the database. */
async function read(fleet: RolloutFleet, key: string): Promise<DeviceFacts> {
  const facts = await loadDeviceFacts(fleet.core.deps.storage.read, (await fleet.device(key)).serial)
  if (!facts) throw new Error('the device is gone')
  return facts
}

const SITUATIONS: ReadonlyArray<readonly [string, (fleet: RolloutFleet) => Promise<unknown>]> = [
  ['with nothing for them', () => Promise.resolve()],
  ['in a group with an assignment', (fleet) => groupUp(fleet, ['d0', 'd1'])],
  [
    'under way in a rollout',
    async (fleet) => {
      await fleet.start({ health: GATE_OFF })
      await fleet.grantAll(['d0', 'd1'])
    },
  ],
  [
    'after a failure',
    async (fleet) => {
      await fleet.start({ health: GATE_OFF })
      await fleet.grantAll(['d0', 'd1'])
      for (const key of ['d0', 'd1']) await fleet.fail(key)
    },
  ],
  [
    'with an assignment of their own',
    async ({ core, scope }) => {
      for (const device of ['d0', 'd1'])
        await core.assignments.assign(scope, { device }, { product: 'panel', version: '1.2.0' })
    },
  ],
]

describe.each(STORAGES)('facts that are held, on $name', ({ name }) => {
  it.each(SITUATIONS)('say exactly what was read, of devices %s', async (_, arrange) => {
    const fleet = await alike(name)
    await arrange(fleet)
    const rows = new SharedRows()
    for (const key of ['d0', 'd1', 'd0']) {
      const facts = await read(fleet, key)
      expect(rows.share(facts)).toStrictEqual(facts)
      expect(await fleet.facts(key)).toStrictEqual(facts)
    }
    await fleet.core.deps.storage.close()
  })
})

describe('devices that are alike', () => {
  it('share whatever is not their own', async () => {
    const fleet = await alike('SQLite')
    await groupUp(fleet, ['d0', 'd1'])
    await fleet.start({ health: GATE_OFF })
    const [one, other] = [await fleet.facts('d0'), await fleet.facts('d1')]
    const shared = (facts: DeviceFacts) => [
      ...[facts.organisation, facts.product, facts.modules, facts.rollouts, facts.rooms, facts.floors, facts.group],
      ...[facts.sequences, facts.recent, facts.device.tags, facts.device.attributes, facts.device.aliases],
      facts.credentials[0]?.details,
    ]
    expect(one.rollouts.map(({ selected }) => selected.is)).toEqual([false, true])
    expect(one.group).toBeDefined()
    for (const [index, part] of shared(one).entries()) expect(shared(other)[index]).toBe(part)
    expect(other.credentials[0]?.hash).not.toBe(one.credentials[0]?.hash)
    await fleet.core.deps.storage.close()
  })

  it('share what their updates are about', async () => {
    const fleet = await alike('SQLite')
    await fleet.start({ health: GATE_OFF })
    await fleet.grantAll(['d0', 'd1'])
    const [one, other] = [await fleet.facts('d0'), await fleet.facts('d1')]
    expect(one.openOffer).toBeDefined()
    expect(other.openOffer).toBe(one.openOffer)
    expect(other.open?.steps).toBe(one.open?.steps)
    expect(one.latest).toBe(one.open)
    expect(other.open?.id).not.toBe(one.open?.id)
    await fleet.core.deps.storage.close()
  })

  it('have what changed from the moment that it changed', async () => {
    const fleet = await alike('SQLite')
    const { core, scope } = fleet
    await groupUp(fleet, ['d0', 'd1'])
    await fleet.facts('d0')
    const { files } = (await fleet.facts('d0')).group ?? {}
    await core.firmware.update(scope, files?.[0]?.firmware.id ?? '', { withdrawn: true })
    await core.products.update(scope, 'panel', { name: 'Panel of another name' })
    await core.devices.update(scope, 'd1', { tags: { site: 'rome' } })
    const [one, other] = [await fleet.facts('d0'), await fleet.facts('d1')]
    expect(one).toStrictEqual(await read(fleet, 'd0'))
    expect(other).toStrictEqual(await read(fleet, 'd1'))
    expect(one.group?.files[0]?.firmware.withdrawn).toBe(true)
    expect(other.group).toBe(one.group)
    expect(other.rollouts[0]?.selected.is).toBe(true)
    await core.deps.storage.close()
  })
})
