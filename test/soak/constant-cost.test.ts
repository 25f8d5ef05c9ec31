import { describe, expect, it } from 'vitest'
import { insertDevices } from '../support/many-devices.ts'
import { RolloutFleet } from '../support/rollout-fleet.ts'
import { metered } from '../support/statement-meter.ts'
import { STORAGES } from '../support/storages.ts'

const FEW = 1_000
const MANY = Number(process.env['GODWIT_SOAK_LARGE_DEVICES'] ?? 1_000_000)
const ROUNDS = 100

describe.each(STORAGES.filter(({ name }) => name !== 'memory'))('rollouts on $name', ({ open }) => {
  it(`cost as many rows and as much time over ${MANY} devices as over ${FEW}`, async () => {
    const few = await openFleet(FEW)
    const many = await openFleet(MANY)
    try {
      await Promise.all([few.roll(), many.roll()])
      expect(await metered(many.roll)).toEqual(await metered(few.roll))
      const times = { few: [] as number[], many: [] as number[] }
      // In turn, so that other work on the machine is in the way of both.
      for (let round = 0; round < ROUNDS; round++) {
        times.few.push(await timed(few.roll))
        times.many.push(await timed(many.roll))
      }
      const [ofFew, ofMany] = [median(times.few), median(times.many)]
      process.stdout.write(`median over ${FEW}: ${ofFew.toFixed(2)} ms, over ${MANY}: ${ofMany.toFixed(2)} ms\n`)
      expect(ofMany).toBeLessThan(1.5 * ofFew)
    } finally {
      await few.close()
      await many.close()
    }
  })

  /** A server with so many devices; `roll` makes, starts, stops and closes a rollout over them all. */
  async function openFleet(devices: number) {
    const fleet = await RolloutFleet.open({ storage: await open() })
    const { core, scope } = fleet
    const { storage } = core.deps
    const product = (await core.products.get(scope.organisation, 'panel')).serial
    await insertDevices(storage, { scope, product, from: 0, to: devices })
    expect(await storage.read.devices.count({ organisation: scope.organisation })).toBe(devices)
    const release = { product: 'panel', version: '1.1.0' }
    let made = 0
    return {
      async roll() {
        made += 1
        const key = `r${made}`
        await core.rollouts.create(scope, { key, release, stages: [{ percent: 10 }, { percent: 100 }] })
        await core.rolloutControl.start(scope, key)
        await core.rolloutControl.stop(scope, key)
        await core.rolloutControl.finish(scope, key)
      },
      close: () => storage.close(),
    }
  }
})

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begunAt = performance.now()
  await work()
  return performance.now() - begunAt
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? 0
}
