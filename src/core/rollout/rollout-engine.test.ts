import { beforeEach, describe, expect, it } from 'vitest'
import { NATIVE, RolloutFleet } from '../../../test/support/rollout-fleet.ts'

let fleet: RolloutFleet

beforeEach(async () => {
  fleet = await RolloutFleet.open()
})

describe('a rollout', () => {
  it('grants when a device asks, and succeeds when it runs the release', async () => {
    await fleet.addDevices(1)
    await fleet.create()
    expect(await fleet.why('d0')).toBe('Nothing is assigned to the device or its group.')
    await fleet.core.rolloutControl.start(fleet.scope, 'spring')
    expect(await fleet.why('d0')).toBe('It will be offered 1.1.0 by rollout spring, stage 1 of 1.')
    expect(await fleet.grant('d0')).toMatchObject({ state: 'offered', rollout: expect.any(Number) })
    expect(await fleet.why('d0')).toBe('It is updating to 1.1.0: offered.')
    expect(await fleet.outcomes()).toEqual({ open: 1 })
    await fleet.install('d0')
    expect(await fleet.outcomes()).toEqual({ succeeded: 1 })
    expect(await fleet.why('d0')).toBe('It runs 1.1.0 already.')
  })

  it('lets ten devices hold the release, and more once they lived through their hour', async () => {
    const keys = await fleet.addDevices(30)
    await fleet.start()
    const first = await fleet.grantAll(keys)
    expect(first).toHaveLength(10)
    const waiting = keys.find((key) => !first.includes(key)) ?? ''
    expect(await fleet.why(waiting)).toBe(
      '10 devices of rollout spring hold the release without a verdict; 10 may at once until more have matured.',
    )
    for (const key of first) await fleet.install(key)
    expect(await fleet.grantAll(keys)).toEqual([])
    await fleet.later({ hours: 1 })
    expect(await fleet.grantAll(keys)).toHaveLength(15)
  })

  it('stops by itself when devices fail, says why, and takes back what had not begun', async () => {
    const keys = await fleet.addDevices(12)
    await fleet.start()
    const granted = await fleet.grantAll(keys)
    for (const key of granted.slice(0, 4)) await fleet.fail(key)
    expect((await fleet.rollout()).state).toBe('stopped')
    const held = granted[9] ?? ''
    expect(await fleet.decide(held)).toMatchObject({ kind: 'cancel', because: { kind: 'rollout-stopped' } })
    await fleet.core.gateway.beginCancel(await fleet.facts(held), NATIVE)
    expect(await fleet.why(held)).toMatch(
      /^Rollout spring is stopped: \d of 10 devices that hold the release failed already/,
    )
  })

  it('stops when devices fall silent', async () => {
    const keys = await fleet.addDevices(12)
    await fleet.start()
    await fleet.grantAll(keys)
    await fleet.later({ hours: 1 })
    expect((await fleet.rollout()).state).toBe('stopped')
    const { stop } = await fleet.rollout()
    expect(stop).toMatchObject({ kind: 'gate', words: expect.stringContaining('in silence') })
  })

  it('pauses, resumes and counts on', async () => {
    const keys = await fleet.addDevices(3)
    await fleet.start()
    await fleet.grant('d0')
    await fleet.core.rolloutControl.pause(fleet.scope, 'spring')
    expect(await fleet.why('d1')).toBe('Rollout spring is paused.')
    expect(await fleet.why('d0')).toBe('It is updating to 1.1.0: offered.')
    await fleet.install('d0')
    await fleet.core.rolloutControl.resume(fleet.scope, 'spring')
    expect(await fleet.grantAll(keys)).toEqual(['d1', 'd2'])
    expect(await fleet.outcomes()).toEqual({ succeeded: 1, open: 2 })
  })

  it('tries a failed device again, later, and not for ever', async () => {
    await fleet.addDevices(1)
    await fleet.start({ options: { retry: { attempts: 2 } }, health: { mode: 'off' } })
    await fleet.grant('d0')
    await fleet.fail('d0')
    expect(await fleet.why('d0')).toMatch(/^Attempt 1 failed \(flash full\); the next is offered from /)
    fleet.clock.advance({ seconds: 61 })
    expect(await fleet.grant('d0')).toMatchObject({ attempt: 2 })
    await fleet.fail('d0')
    expect(await fleet.why('d0')).toBe(
      'It failed 2 times (flash full); rollout spring tries no more unless it is told to retry.',
    )
    expect(await fleet.core.rolloutMembers.retry(fleet.scope, 'spring')).toBe(1)
    expect(await fleet.grant('d0')).toMatchObject({ state: 'offered' })
    expect(await fleet.outcomes()).toEqual({ open: 1 })
  })

  it('goes from stage to stage on evidence', async () => {
    const keys = await fleet.addDevices(20)
    await fleet.start({
      stages: [
        { count: 2, soakSeconds: 600 },
        { percent: 100, approvals: 1 },
      ],
    })
    expect(await fleet.grantAll(keys)).toHaveLength(2)
    expect(await fleet.why('d5')).toBe('Stage 1 of rollout spring is for 2 devices, which all came before it.')
    for (const key of ['d0', 'd1']) await fleet.install(key)
    await fleet.tend()
    expect((await fleet.rollout()).stage).toBe(0)
    await fleet.later({ hours: 1 })
    expect(await fleet.why('d5')).toBe('Stage 2 of rollout spring waits for the approval of one person.')
    await fleet.core.rolloutControl.approve(fleet.person('ops'), 'spring')
    expect(await fleet.grantAll(keys)).toHaveLength(10)
  })

  it('returns what it updated to what each device ran before', async () => {
    await fleet.addDevices(2)
    await fleet.start()
    await fleet.grantAll(['d0', 'd1'])
    await fleet.install('d0')
    await fleet.core.undos.undo(fleet.scope, 'spring', { allowDowngrade: true })
    expect((await fleet.rollout()).state).toBe('stopped')
    expect(await fleet.why('d0')).toBe('It will be offered 1.0.0 by rollout spring-undo, stage 1 of 1.')
    await fleet.grant('d0')
    await fleet.install('d0', '1.0.0')
    expect(await fleet.outcomes('spring-undo')).toEqual({ succeeded: 1 })
  })

  it('forgets devices that are deleted, and never waits for them', async () => {
    const keys = await fleet.addDevices(11)
    await fleet.start()
    await fleet.grantAll(keys)
    await fleet.core.devices.delete(fleet.scope, 'd0')
    expect(await fleet.outcomes()).toEqual({ open: 9 })
    const { serial } = await fleet.rollout()
    expect((await fleet.room()).whole).toMatchObject({ slots: 9, counts: { granted: 10, settled: 1, failed: 0 } })
    expect(await fleet.core.deps.storage.read.rolloutMembers.recount(serial)).toMatchObject({ open: 9 })
  })
})
