import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Serial } from '../../../src/core/common.ts'
import { progressOf } from '../../../src/core/rollout/progress.ts'
import { loadRoom } from '../../../src/core/rollout/room.ts'
import { insertDevices } from '../../support/many-devices.ts'
import { RolloutFleet } from '../../support/rollout-fleet.ts'
import { type Metered, metered } from '../../support/statement-meter.ts'
import { STORAGES } from '../../support/storages.ts'

const FEW = 1_000
const MANY = 50_000
const STAGES = [{ percent: 5 }, { percent: 50 }, { percent: 100 }]
/** Counters of the whole and of each stage, the rollout itself, its event, and on PostgreSQL what other processes are told. */
const ROWS_MADE = { SQLite: 1 + STAGES.length + 1 + 1, PostgreSQL: 1 + STAGES.length + 1 + 1 + 1 }

// `npm run soak` measures the time as well, with a million devices.
describe.each(STORAGES.filter(({ name }) => name !== 'memory'))('what a rollout costs on $name', ({ name, open }) => {
  let fleet: RolloutFleet
  let product: Serial
  let module: Serial

  beforeAll(async () => {
    fleet = await RolloutFleet.open({ storage: await open() })
    product = (await fleet.core.products.get(fleet.scope.organisation, 'panel')).serial
    module = (await fleet.core.products.modules(product)).find((one) => one.isPrimary)?.serial ?? 0
  })
  afterAll(() => fleet.core.deps.storage.close())

  const register = (from: number, to: number, module?: Serial) =>
    insertDevices(fleet.core.deps.storage, { scope: fleet.scope, product, from, to, ...(module && { module }) })

  /** Everything that an operator does with one rollout, each step metered; the rollout is deleted in the end. */
  async function life(): Promise<Record<string, Metered>> {
    const { core, scope } = fleet
    const { rolloutControl: control } = core
    const release = { product: 'panel', version: '1.1.0' }
    const steps: ReadonlyArray<[string, () => Promise<unknown>]> = [
      ['create', () => core.rollouts.create(scope, { key: 'spring', release, stages: STAGES })],
      ['start', () => control.start(scope, 'spring')],
      ['grant', () => grantFirst(10)],
      ['progress', progress],
      ['pause', () => control.pause(scope, 'spring')],
      ['resume', () => control.resume(scope, 'spring')],
      ['advance', () => control.advance(scope, 'spring')],
      ['stop', () => control.stop(scope, 'spring', { reason: 'enough' })],
      ['finish', () => control.finish(scope, 'spring')],
    ]
    const costs: Record<string, Metered> = {}
    for (const [name, step] of steps) costs[name] = await metered(step)
    await core.rollouts.delete(scope, 'spring')
    return costs
  }

  /** Asks for the first devices until so many were granted the release. */
  async function grantFirst(count: number): Promise<void> {
    let granted = 0
    for (let number = 0; granted < count; number += 1) if (await fleet.grant(`many-${number}`)) granted += 1
  }

  /** As the API shows it. */
  async function progress() {
    const { read } = fleet.core.deps.storage
    const rollout = await fleet.rollout()
    const [room, approvals] = [await loadRoom(read, rollout.serial), await read.rollouts.listApprovals(rollout.serial)]
    if (!room) throw new Error('the rollout is gone')
    return progressOf(rollout, room, approvals, fleet.clock.now())
  }

  it('is the same for 1,000 devices as for 50,000: the same rows, the same statements', {
    timeout: 120_000,
  }, async () => {
    await register(0, FEW, module)
    // The first rollout of a version makes its release.
    await life()
    const few = await life()
    await register(FEW, MANY)
    const { read } = fleet.core.deps.storage
    expect(await read.devices.count({ organisation: fleet.scope.organisation })).toBe(MANY)
    const many = await life()
    expect(few['create']?.written).toBe(ROWS_MADE[name as keyof typeof ROWS_MADE])
    // The devices that are asked differ, as each rollout has its own buckets.
    const { grant: _, ...ofOperators } = few
    const { grant: __, ...ofOperatorsOfMany } = many
    expect(ofOperatorsOfMany).toEqual(ofOperators)
  })

  it('is as much for the progress of ten devices as for that of a hundred', async () => {
    const release = { product: 'panel', version: '1.1.0' }
    await fleet.core.rollouts.create(fleet.scope, { key: 'spring', release, health: { mode: 'off' } })
    await fleet.core.rolloutControl.start(fleet.scope, 'spring')
    await grantFirst(10)
    const ten = await metered(progress)
    await grantFirst(100)
    expect((await progress()).devices).toBe(100)
    expect(await metered(progress)).toEqual(ten)
  })
})
