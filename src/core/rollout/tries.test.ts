import { beforeEach, describe, expect, it } from 'vitest'
import { RolloutFleet } from '../../../test/support/rollout-fleet.ts'

const FREE = { health: { mode: 'off' }, stages: [{ percent: 100, successThreshold: 0 }] } as const

let fleet: RolloutFleet

beforeEach(async () => {
  fleet = await RolloutFleet.open()
})

describe('trying again', () => {
  it('leaves devices out that an operator took out, unless they are named', async () => {
    await fleet.addDevices(2)
    await fleet.start(FREE)
    for (const key of ['d0', 'd1']) {
      await fleet.grant(key)
      await fleet.fail(key)
    }
    const { rolloutMembers } = fleet.core
    await rolloutMembers.exclude(fleet.scope, 'spring', { devices: ['d0'], reason: 'on a test bench' })
    expect(await rolloutMembers.retry(fleet.scope, 'spring')).toBe(1)
    expect(await fleet.why('d0')).toBe('It was taken out of rollout spring: on a test bench.')
    expect(await rolloutMembers.retry(fleet.scope, 'spring', ['d0'])).toBe(1)
    expect(await fleet.grant('d0')).toBeDefined()
  })

  it('ends on the way over a floor as well', async () => {
    await fleet.addDevices(1)
    const { core, scope } = fleet
    await core.floors.create(scope, { product: 'panel', firmware: { version: '1.1.0' }, reason: 'partitions' })
    await fleet.start({
      ...FREE,
      release: { product: 'panel', version: '1.2.0' },
      options: { retry: { attempts: 2, pauseSeconds: 60 }, ignorePenalty: true },
    })
    await fleet.grant('d0')
    await fleet.fail('d0')
    await fleet.later({ minutes: 1 })
    expect(await fleet.grant('d0')).toBeDefined()
    await fleet.fail('d0')
    await fleet.later({ hours: 24 })
    expect(await fleet.why('d0')).toBe(
      'It failed 2 times (flash full); rollout spring tries no more unless it is told to retry.',
    )
    await core.rolloutMembers.retry(scope, 'spring')
    await fleet.grant('d0')
    await fleet.install('d0', '1.1.0')
    // What failed on the way to the floor does not count against what comes behind it.
    await fleet.grant('d0')
    await fleet.fail('d0')
    await fleet.later({ minutes: 1 })
    expect(await fleet.grant('d0')).toBeDefined()
  })

  it('does not leave the penalty box because something was called off since', async () => {
    await fleet.addDevices(1)
    await fleet.start({ ...FREE, options: { retry: { attempts: 10, pauseSeconds: 0 } } })
    for (let attempt = 0; attempt < 3; attempt++) {
      await fleet.grant('d0')
      await fleet.fail('d0')
    }
    expect(await fleet.why('d0')).toMatch(/^Its last 3 updates failed/)
    const release = { product: 'panel', version: '1.2.0' }
    const { assignment } = await fleet.core.assignments.assign(fleet.scope, { device: 'd0' }, release)
    fleet.clock.advance({ hours: 1 })
    const update = await fleet.grant('d0')
    await fleet.core.updates.cancel(fleet.scope, update?.id ?? '')
    await fleet.core.assignments.remove(fleet.scope, assignment.id)
    expect(await fleet.why('d0')).toMatch(/^Its last 3 updates failed/)
  })
})
