import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isOpen } from '../../../src/core/update/update.ts'
import { overtake, type PausingStorage, pausingStorage } from '../../support/pausing-storage.ts'
import { expectCounted, type Recounting } from '../../support/recount.ts'
import { NATIVE, RolloutFleet } from '../../support/rollout-fleet.ts'
import { STORAGES } from '../../support/storages.ts'

/** Only where several transactions run at once can one be overtaken. */
const CONCURRENT = STORAGES.filter(({ name }) => name === 'PostgreSQL')

describe.each(CONCURRENT)('a poll that was decided, and is overtaken before it is counted, on $name', ({ open }) => {
  let pausing: PausingStorage
  let fleets = 0
  beforeAll(async () => {
    pausing = pausingStorage(await open(), 'rolloutTallies', 'claim')
  })
  afterAll(() => pausing.storage.close())

  /** Three devices, of which the first failed once and may try again. */
  async function prepare(): Promise<RolloutFleet> {
    const fleet = await RolloutFleet.open({ storage: pausing.storage, key: `overtaken-${fleets++}` })
    await fleet.addDevices(3)
    await fleet.start({ health: { mode: 'off' }, options: { retry: { attempts: 3, pauseSeconds: 1 } } })
    await fleet.grant('d0')
    await fleet.fail('d0')
    fleet.clock.advance({ minutes: 1 })
    return fleet
  }

  /** The device asks; between decision and claim somebody else acts. Answers whether it was granted something. */
  async function isGranted(fleet: RolloutFleet, key: string, act: () => Promise<unknown>): Promise<boolean> {
    const known = await fleet.facts(key)
    const [granted] = await overtake(pausing, () => fleet.core.gateway.grant(known, NATIVE), act)
    return granted !== undefined
  }

  const counted = async (fleet: RolloutFleet, recounting?: Recounting) =>
    expectCounted(pausing.storage.read, await fleet.rollout(), recounting)

  it.each(['d0', 'd1'])('by its exclusion (%s): nothing stays open', async (key) => {
    const fleet = await prepare()
    const input = { devices: [key], reason: 'on loan' }
    await isGranted(fleet, key, () => fleet.core.rolloutMembers.exclude(fleet.scope, 'spring', input))
    expect((await fleet.facts(key)).open).toBeUndefined()
    expect(await fleet.grant(key)).toBeUndefined()
    await counted(fleet)
  })

  it('by a retry: its failure leaves the counters once', async () => {
    const fleet = await prepare()
    await isGranted(fleet, 'd0', () => fleet.core.rolloutMembers.retry(fleet.scope, 'spring'))
    await counted(fleet)
    await fleet.grant('d0')
    expect(await fleet.outcomes()).toEqual({ open: 1 })
    await counted(fleet)
  })

  it.each(['stop', 'pause', 'finish'] as const)('by %s: it is granted nothing', async (action) => {
    const fleet = await prepare()
    const control = fleet.core.rolloutControl
    expect(await isGranted(fleet, 'd1', () => control[action](fleet.scope, 'spring'))).toBe(false)
    await counted(fleet)
  })

  it.each(['d0', 'd1'])('by its deletion (%s): the counters forget it', async (key) => {
    const fleet = await prepare()
    const { serial } = await fleet.rollout()
    const { members } = await state(fleet)
    const [pattern] = members
    const device = await fleet.device(key)
    const granted = await isGranted(fleet, key, () => fleet.core.devices.delete(fleet.scope, key))
    expect(await pausing.storage.read.rolloutMembers.find(serial, device.serial)).toBeUndefined()
    const left = pattern && (granted || key === 'd0') ? [{ ...pattern, hasFailed: key === 'd0' }] : []
    await counted(fleet, { left })
  })

  it('by the deletion of the rollout: it is granted nothing', async () => {
    const fleet = await prepare()
    const known = await fleet.device('d1')
    await isGranted(fleet, 'd1', async () => {
      await fleet.core.rolloutControl.pause(fleet.scope, 'spring')
      await fleet.core.rollouts.delete(fleet.scope, 'spring')
    })
    const filter = { organisation: fleet.scope.organisation, device: known.serial }
    const updates = await pausing.storage.read.updates.list(filter, { limit: 10 })
    expect(updates.filter(({ state }) => isOpen(state))).toEqual([])
  })

  it('by a resume after a stop: it is counted in the run that it was granted in', async () => {
    const fleet = await prepare()
    await isGranted(fleet, 'd1', async () => {
      await fleet.core.rolloutControl.stop(fleet.scope, 'spring')
      await fleet.core.rolloutControl.resume(fleet.scope, 'spring')
    })
    await counted(fleet)
  })

  async function state(fleet: RolloutFleet) {
    const { serial } = await fleet.rollout()
    return { members: await pausing.storage.read.rolloutMembers.list({ rollout: serial }, { limit: 10 }) }
  }
})
