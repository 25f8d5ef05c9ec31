import { beforeEach, describe, expect, it } from 'vitest'
import { type FixedClock, fixedClock } from '../../../test/support/fixed-clock.ts'
import { createTestCore, newScope, pushFirmware } from '../../../test/support/test-core.ts'
import type { Core } from '../create-core.ts'
import { explainDecision } from '../decide/explain.ts'
import type { DeviceFacts } from '../device/device-facts.ts'
import type { AskOptions } from '../device-gateway.ts'
import type { Scope } from '../service.ts'
import type { RolloutInput } from './rollout-input.ts'
import { loadRoom } from './room.ts'
import { tendRollouts } from './tend.ts'

const ASK: AskOptions = { via: 'native', reporting: 'progress' }

let clock: FixedClock
let core: Core
let scope: Scope

beforeEach(async () => {
  clock = fixedClock()
  core = createTestCore({ clock })
  scope = await newScope(core)
  await core.products.create(scope, { key: 'panel' })
  for (const version of ['1.0.0', '1.1.0', '1.2.0']) await pushFirmware(core, scope, 'panel', version)
})

async function addDevices(count: number, given: { tags?: Record<string, string> } = {}): Promise<string[]> {
  const { serial: product } = await core.products.get(scope.organisation, 'panel')
  const keys = Array.from({ length: count }, (_, index) => `d${index}`)
  for (const key of keys) {
    await core.devices.create(scope, { key, product, ...given })
    await core.gateway.checkIn(await facts(key), { running: { '': '1.0.0' } })
  }
  return keys
}

async function facts(key: string): Promise<DeviceFacts> {
  const device = await core.devices.get(scope.organisation, key)
  const found = await core.gateway.find({ by: 'serial', serial: device.serial })
  if (!found) throw new Error('the device is gone')
  return found
}

function create(input: Partial<RolloutInput> = {}) {
  return core.rollouts.create(scope, { key: 'spring', release: { product: 'panel', version: '1.1.0' }, ...input })
}

async function start(input: Partial<RolloutInput> = {}) {
  await create(input)
  return core.rolloutControl.start(scope, input.key ?? 'spring')
}

const decide = async (key: string) => core.gateway.decide(await facts(key), ASK)
const why = async (key: string) => explainDecision(await decide(key))
const grant = async (key: string) => core.gateway.grant(await facts(key), ASK)
const install = async (key: string, version = '1.1.0') =>
  core.gateway.checkIn(await facts(key), { running: { '': version } })
const fail = async (key: string) =>
  core.gateway.report(await facts(key), 'native', { trigger: 'fail', reason: 'flash full' })
const outcomes = async (reference = 'spring') => {
  const { serial } = await core.rollouts.get(scope.organisation, reference)
  const room = await loadRoom(core.deps.storage.read, serial)
  return Object.fromEntries(Object.entries(room?.whole.outcomes ?? {}).filter(([, count]) => count > 0))
}
const state = async (reference = 'spring') => (await core.rollouts.get(scope.organisation, reference)).state

async function grantAll(keys: readonly string[]): Promise<string[]> {
  const granted: string[] = []
  for (const key of keys) if (await grant(key)) granted.push(key)
  return granted
}

describe('a rollout', () => {
  it('grants when a device asks, and succeeds when it runs the release', async () => {
    await addDevices(1)
    await create()
    expect(await why('d0')).toBe('Nothing is assigned to the device or its group.')
    await core.rolloutControl.start(scope, 'spring')
    expect(await why('d0')).toBe('It will be offered 1.1.0 by rollout spring, stage 1 of 1.')
    expect(await grant('d0')).toMatchObject({ state: 'offered', rollout: expect.any(Number) })
    expect(await why('d0')).toBe('It is updating to 1.1.0: offered.')
    expect(await outcomes()).toEqual({ open: 1 })
    await install('d0')
    expect(await outcomes()).toEqual({ succeeded: 1 })
    expect(await why('d0')).toBe('It runs 1.1.0 already.')
  })

  it('lets ten devices hold the release, and more once they lived through their hour', async () => {
    const keys = await addDevices(30)
    await start()
    const first = await grantAll(keys)
    expect(first).toHaveLength(10)
    const waiting = keys.find((key) => !first.includes(key)) ?? ''
    expect(await why(waiting)).toBe(
      '10 devices of rollout spring hold the release without a verdict; 10 may at once until more have matured.',
    )
    for (const key of first) await install(key)
    expect(await grantAll(keys)).toEqual([])
    clock.advance({ hours: 1 })
    await tendRollouts(core.deps)
    expect(await grantAll(keys)).toHaveLength(15)
  })

  it('stops by itself when devices fail, says why, and takes back what had not begun', async () => {
    const keys = await addDevices(12)
    await start()
    const granted = await grantAll(keys)
    for (const key of granted.slice(0, 4)) await fail(key)
    expect(await state()).toBe('stopped')
    const held = granted[9] ?? ''
    expect(await decide(held)).toMatchObject({ kind: 'cancel', because: { kind: 'rollout-stopped' } })
    await core.gateway.beginCancel(await facts(held), ASK)
    expect(await why(held)).toMatch(/^Rollout spring is stopped: \d of 10 devices that hold the release failed already/)
  })

  it('stops when devices fall silent', async () => {
    const keys = await addDevices(12)
    await start()
    await grantAll(keys)
    clock.advance({ hours: 1 })
    await tendRollouts(core.deps)
    expect(await state()).toBe('stopped')
    const { stop } = await core.rollouts.get(scope.organisation, 'spring')
    expect(stop).toMatchObject({ kind: 'gate', words: expect.stringContaining('in silence') })
  })

  it('pauses, resumes and counts on', async () => {
    const keys = await addDevices(3)
    await start()
    await grant('d0')
    await core.rolloutControl.pause(scope, 'spring')
    expect(await why('d1')).toBe('Rollout spring is paused.')
    expect(await why('d0')).toBe('It is updating to 1.1.0: offered.')
    await install('d0')
    await core.rolloutControl.resume(scope, 'spring')
    expect(await grantAll(keys)).toEqual(['d1', 'd2'])
    expect(await outcomes()).toEqual({ succeeded: 1, open: 2 })
  })

  it('tries a failed device again, later, and not for ever', async () => {
    await addDevices(1)
    await start({ options: { retry: { attempts: 2 } }, health: { mode: 'off' } })
    await grant('d0')
    await fail('d0')
    expect(await why('d0')).toMatch(/^Attempt 1 failed \(flash full\); the next is offered from /)
    clock.advance({ seconds: 61 })
    expect(await grant('d0')).toMatchObject({ attempt: 2 })
    await fail('d0')
    expect(await why('d0')).toBe(
      'It failed 2 times (flash full); rollout spring tries no more unless it is told to retry.',
    )
    expect(await core.rolloutMembers.retry(scope, 'spring')).toBe(1)
    expect(await grant('d0')).toMatchObject({ state: 'offered' })
    expect(await outcomes()).toEqual({ open: 1 })
  })

  it('goes from stage to stage on evidence', async () => {
    const keys = await addDevices(20)
    await start({
      stages: [
        { count: 2, soakSeconds: 600 },
        { percent: 100, approvals: 1 },
      ],
    })
    expect(await grantAll(keys)).toHaveLength(2)
    expect(await why('d5')).toBe('Stage 1 of rollout spring is for 2 devices, which all came before it.')
    for (const key of ['d0', 'd1']) await install(key)
    await tendRollouts(core.deps)
    expect((await core.rollouts.get(scope.organisation, 'spring')).stage).toBe(0)
    clock.advance({ hours: 1 })
    await tendRollouts(core.deps)
    expect(await why('d5')).toBe('Stage 2 of rollout spring waits for the approval of one person.')
    const person = { ...scope, actor: { kind: 'account', id: 'a'.repeat(24), name: 'ops' } } as const
    await core.rolloutControl.approve(person, 'spring')
    expect(await grantAll(keys)).toHaveLength(10)
  })

  it('returns what it updated to what each device ran before', async () => {
    await addDevices(2)
    await start()
    await grantAll(['d0', 'd1'])
    await install('d0')
    await core.undos.undo(scope, 'spring', { allowDowngrade: true })
    expect(await state()).toBe('stopped')
    expect(await why('d0')).toBe('It will be offered 1.0.0 by rollout spring-undo, stage 1 of 1.')
    await grant('d0')
    await install('d0', '1.0.0')
    expect(await outcomes('spring-undo')).toEqual({ succeeded: 1 })
  })
})
