import { describe, expect, it } from 'vitest'
import type { SimulatorClock } from './clock.ts'
import type { Outcome, VirtualDevice } from './device.ts'
import { PowerLoss } from './faulty-flash.ts'
import { HashOnlyFlash } from './flash.ts'
import { pollFleet } from './poll-fleet.ts'
import { seededRandom } from './seeded-random.ts'

/** Time passes when somebody sleeps. */
function jumpingClock(): SimulatorClock {
  let now = 0
  return {
    now: () => now,
    sleep: async (milliseconds) => {
      now += milliseconds
    },
  }
}

function device(name: string, run: () => Promise<Outcome>): VirtualDevice {
  return { name, protocol: 'native', version: '1', flash: new HashOnlyFlash(), run }
}

const NOTHING: Outcome = { kind: 'nothing', detail: '', version: '1', downloads: 0 }

function options(over: Partial<Parameters<typeof pollFleet>[1]> = {}) {
  return {
    clock: jumpingClock(),
    random: seededRandom(1),
    pollSeconds: 10,
    concurrency: 2,
    signal: new AbortController().signal,
    isDone: () => false,
    ...over,
  }
}

describe('pollFleet', () => {
  it('lets each device check until it is done', async () => {
    const checks = new Map<string, number>()
    const devices = ['a', 'b', 'c'].map((name) =>
      device(name, async () => {
        checks.set(name, (checks.get(name) ?? 0) + 1)
        return NOTHING
      }),
    )
    await pollFleet(devices, options({ isDone: ({ name }) => (checks.get(name) ?? 0) >= 3 }))
    expect([...checks.values()]).toEqual([3, 3, 3])
  })

  it('keeps to its concurrency', async () => {
    let [now, most] = [0, 0]
    const devices = Array.from({ length: 8 }, (_, index) =>
      device(`d${index}`, async () => {
        now += 1
        most = Math.max(most, now)
        await new Promise((resolve) => setImmediate(resolve))
        now -= 1
        return NOTHING
      }),
    )
    await pollFleet(devices, options({ isDone: () => true }))
    expect(most).toBe(2)
  })

  it('forgets the dead, and ends when it is aborted', async () => {
    const stop = new AbortController()
    let [deaths, checks] = [0, 0]
    const dying = device('dying', async () => {
      deaths += 1
      throw new PowerLoss('dead')
    })
    const living = device('living', async () => {
      checks += 1
      if (checks === 5) stop.abort()
      return NOTHING
    })
    await pollFleet([dying, living], options({ signal: stop.signal }))
    expect([deaths, checks]).toEqual([1, 5])
  })

  it('does not take a fault for a death', async () => {
    const broken = device('broken', async () => {
      throw new Error('a fault')
    })
    await expect(pollFleet([broken], options())).rejects.toThrow('a fault')
  })
})
