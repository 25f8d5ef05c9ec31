import { afterEach, describe, expect, it } from 'vitest'
import { pausingStorage } from '../../../../test/support/pausing-storage.ts'
import { NATIVE, RolloutFleet } from '../../../../test/support/rollout-fleet.ts'
import { STORAGES } from '../../../../test/support/storages.ts'
import { seededRandom } from '../../../simulator/seeded-random.ts'
import { openMemoryStorage } from '../../../storage/memory/memory-storage.ts'
import type { NamedReport, StepReport } from '../../device-gateway.ts'
import type { CoreLimits } from '../../limits.ts'
import type { Storage } from '../../ports.ts'
import { leavesOpen } from './leaves-open.ts'
import { takeAlone } from './take-alone.ts'
import { takeTogether } from './take-together.ts'

let opened: Storage | undefined
afterEach(async () => {
  await opened?.close()
  opened = undefined
})

/** `d0`, `d1`... each with an update that it was offered. */
async function offered(storage: Storage, devices: number, limits: Partial<CoreLimits> = {}) {
  opened = storage
  const fleet = await RolloutFleet.open({ storage, limits })
  const keys = await fleet.addDevices(devices)
  const callers = await Promise.all(
    keys.map(async (key) => {
      await fleet.core.assignments.assign(fleet.scope, { device: key }, { product: 'panel', version: '1.1.0' })
      const update = await fleet.core.gateway.grant(await fleet.facts(key), NATIVE)
      if (!update) throw new Error('nothing was granted')
      return { device: await fleet.device(key), update: update.id }
    }),
  )
  return { fleet, callers }
}

const downloading = (update: string, given: Partial<StepReport> & { name?: string } = {}): NamedReport => {
  const { name = 'r1', ...step } = given
  return { name, update, steps: [{ trigger: 'download', progress: 1, ...step }] }
}

describe.each(STORAGES)('reports of many devices at the same time, on $name', ({ open }) => {
  it('count each once, in order, with their events', async () => {
    const { fleet, callers } = await offered(await open(), 40)
    const { gateway } = fleet.core
    const life = (update: string): NamedReport[] => [
      downloading(update),
      downloading(update, { name: 'r2', progress: 50 }),
      { name: 'r3', update, steps: [{ trigger: 'downloaded' }, { trigger: 'install', progress: 5 }] },
      downloading(update, { name: 'r2', progress: 60 }),
    ]
    const answers = await Promise.all(
      callers.flatMap(({ device, update }) => [
        gateway.reportAll(device, 'native', life(update)),
        gateway.reportAll(device, 'native', life(update)),
      ]),
    )
    expect(answers.filter(([first]) => first?.kind === 'accepted')).toEqual(
      callers.map(() => [
        { kind: 'accepted', state: 'downloading' },
        { kind: 'accepted', state: 'downloading' },
        { kind: 'accepted', state: 'installing' },
        { kind: 'duplicate' },
      ]),
    )
    expect(answers.filter((results) => results.every(({ kind }) => kind === 'duplicate'))).toHaveLength(callers.length)
    for (const { update } of callers) {
      const events = await fleet.core.deps.storage.read.events.list({ subjectId: update }, { limit: 9 })
      expect(events.map(({ type }) => type)).toEqual([
        'update.opened',
        'update.offered',
        'update.downloading',
        'update.downloaded',
        'update.installing',
      ])
    }
  })

  it('speak of nobody else’s update', async () => {
    const { fleet, callers } = await offered(await open(), 2)
    const [one, other] = callers
    if (!one || !other) throw new Error('two devices')
    const { gateway } = fleet.core
    const unknown = { kind: 'ignored', because: 'no-such-update' }
    const report = (via: string, update: string, name: string) =>
      gateway.reportAll(one.device, via, [downloading(update, { name })])
    expect(
      await Promise.all([
        report('native', other.update, 'a'),
        report('native', '0'.repeat(24), 'b'),
        report('enos', one.update, 'c'),
        report('native', one.update, 'd'),
      ]),
    ).toEqual([[unknown], [unknown], [unknown], [{ kind: 'accepted', state: 'downloading' }]])
  })

  it('are refused beyond what may wait, and taken when there is room again', async () => {
    const { fleet, callers } = await offered(await open(), 5, { waitingTransactions: 3 })
    const outcomes = await Promise.allSettled(
      callers.map(({ device, update }) => fleet.core.gateway.reportAll(device, 'native', [downloading(update)])),
    )
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ])
    expect(outcomes[4]).toMatchObject({ reason: { code: 'unavailable', details: { retryAfterSeconds: 5 } } })
    for (const { device, update } of callers.slice(3))
      expect(await fleet.core.gateway.reportAll(device, 'native', [downloading(update)])).toMatchObject([
        { kind: 'accepted' },
      ])
  })
})

describe.each(STORAGES.filter(({ name }) => name === 'PostgreSQL'))('on $name', ({ open }) => {
  it('what cannot be stored of one device is refused to that one alone', async () => {
    const { fleet, callers } = await offered(await open(), 30)
    const outcomes = await Promise.allSettled(
      callers.map(({ device, update }, index) =>
        fleet.core.gateway.reportAll(device, 'native', [
          downloading(update, { reason: index === 20 ? 'a\0b' : 'fine' }),
        ]),
      ),
    )
    const refused = outcomes.map(({ status }, index) => (status === 'rejected' ? index : -1)).filter((at) => at >= 0)
    expect(refused).toEqual([20])
    expect(outcomes[20]).toMatchObject({ reason: { code: 'invalid' } })
  })

  it('nobody waits for a device whose update somebody else is changing', async () => {
    const pausing = pausingStorage(await open(), 'events', 'append')
    const { fleet, callers } = await offered(pausing.storage, 30)
    const [held, ...others] = callers
    if (!held) throw new Error('no device')
    const { gateway } = fleet.core
    const pause = pausing.pause()
    const failing = gateway.reportAll(held.device, 'native', [
      { name: 'f', update: held.update, steps: [{ trigger: 'fail' }] },
    ])
    await pause.reached
    let isAnswered = false
    const late = gateway.reportAll(held.device, 'native', [downloading(held.update)]).finally(() => {
      isAnswered = true
    })
    const answers = await Promise.all(
      others.map(({ device, update }) => gateway.reportAll(device, 'native', [downloading(update)])),
    )
    expect(answers.flat()).toEqual(others.map(() => ({ kind: 'accepted', state: 'downloading' })))
    expect(isAnswered).toBe(false)
    pause.goOn()
    expect(await failing).toEqual([{ kind: 'accepted', state: 'failed' }])
    expect(await late).toEqual([{ kind: 'ignored', because: 'closed', state: 'failed' }])
  })
})

it('reports that leave updates open come to the same together and alone', async () => {
  const random = seededRandom('together')
  const [together, alone] = [await offered(openMemoryStorage(), 3), await offered(openMemoryStorage(), 3)]
  const pick = <T>(values: readonly T[]): T => {
    const value = values[random.integer(values.length)]
    if (value === undefined) throw new Error('nothing to pick')
    return value
  }
  const step = (): StepReport => ({
    trigger: pick(['download', 'downloaded', 'install'] as const),
    ...(random.integer(4) > 0 && { progress: pick([0, 10, 33.3, 99.9, 100, 101, -2, Number.NaN]) }),
    ...(random.integer(3) === 0 && { reason: pick(['', 'slow', 'slower']) }),
  })
  for (let round = 0; round < 60; round++) {
    const calls = Array.from({ length: 4 }, () => ({
      which: random.integer(3),
      reports: Array.from({ length: 1 + random.integer(3) }, () => ({
        name: `n${random.integer(200)}`,
        update: '',
        steps: Array.from({ length: random.integer(3) }, step),
        ...(random.integer(2) === 0 && { at: round }),
      })),
    }))
    const taken = await Promise.all(
      [together, alone].map(async ({ fleet, callers }) => {
        fleet.clock.advance({ seconds: 7 })
        const given = calls.map(({ which, reports }) => {
          const { device, update } = pickAt(callers, which)
          return { caller: device, via: 'native', reports: reports.map((one) => ({ ...one, update })) }
        })
        const { deps } = fleet.core
        const results = await deps.storage.transaction(async (stores) => {
          if (fleet === together.fleet) return takeTogether(stores, deps, given)
          const each = []
          for (const call of given) each.push(await takeAlone(stores, deps, call))
          return each
        })
        const updates = await deps.storage.read.updates.list({ organisation: fleet.scope.organisation }, { limit: 9 })
        const events = await deps.storage.read.events.list({ type: 'update.*' }, { limit: 9_999 })
        return {
          results,
          updates: updates.map(({ id, revision, ...others }) => others),
          events: events.map(({ type, at, details, actor }) => ({
            type,
            at,
            by: actor.name,
            isIts: details['device'] === actor.id,
            details: { ...details, device: '' },
          })),
        }
      }),
    )
    expect(taken[0]).toEqual(taken[1])
    // A new life for those that have come to its end.
    if (round % 10 === 9)
      for (const { fleet, callers } of [together, alone])
        for (const [index, { device }] of callers.entries()) {
          await fleet.core.gateway.report(await fleet.facts(device.key), 'native', { trigger: 'fail' })
          fleet.clock.advance({ days: 40 })
          const update = await fleet.core.gateway.grant(await fleet.facts(device.key), NATIVE)
          callers[index] = { device, update: update?.id ?? '' }
        }
  }
})

function pickAt<T>(values: readonly T[], index: number): T {
  const value = values[index]
  if (value === undefined) throw new Error('nothing there')
  return value
}

it('knows which reports cannot end an update', () => {
  const of = (...triggers: StepReport['trigger'][]): NamedReport => ({
    name: 'a',
    update: '',
    steps: triggers.map((trigger) => ({ trigger })),
  })
  expect(leavesOpen([of('download', 'downloaded'), of('install'), of()])).toBe(true)
  for (const trigger of ['fail', 'roll-back', 'acknowledge-cancel'] as const)
    expect(leavesOpen([of('download'), of('install', trigger)])).toBe(false)
  expect(leavesOpen([{ ...of('download'), running: {} }])).toBe(false)
})
