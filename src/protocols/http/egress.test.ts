import { describe, expect, test } from 'vitest'
import { Egress, type EgressLimits, type Flow } from './egress.ts'

const NONE: EgressLimits = {
  downloadsAtOnce: 0,
  egressBytesPerSecond: 0,
  downloadBytesPerSecond: 0,
  downloadMinBytesPerSecond: 1_000,
  downloadProgressBytes: 4_096,
  downloadProgressMs: 60_000,
  downloadRetrySeconds: 30,
}
const TICK_MS = 50

/** An egress in virtual time: nothing moves but by `pass`. */
function virtual(limits: Partial<EgressLimits>) {
  let now = 0
  const timers = new Map<() => void, number>()
  const egress = new Egress(
    { ...NONE, ...limits },
    {
      now: () => now,
      every(ms, work) {
        timers.set(work, ms)
        return () => timers.delete(work)
      },
    },
  )
  async function pass(ms: number): Promise<void> {
    for (const end = now + ms; now < end; ) {
      now += TICK_MS
      for (const [work, every] of timers) if (now % every === 0) work()
      // Those who were waiting write and ask again before the next tick.
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
    }
  }
  return { egress, pass, timers }
}

/** A client that takes all it is given, or `bytesPerSecond`; counts what it took. */
class Client {
  taken = 0
  stalled = false
  readonly flow: Flow
  readonly #length: number

  constructor(egress: Egress, length = 1e9) {
    this.#length = length
    this.flow = egress.admit(length)
    this.flow.onStall = () => {
      this.stalled = true
      this.flow.end()
    }
  }

  async run(piece = 64 * 1024): Promise<void> {
    while (this.taken < this.#length) {
      const granted = await this.flow.take(Math.min(piece, this.#length - this.taken))
      if (granted === 0) return
      this.taken += granted
      this.flow.sent(granted, granted)
    }
    this.flow.end()
  }
}

const refusal = (work: () => unknown): Record<string, unknown> | undefined => {
  try {
    work()
    return undefined
  } catch (error) {
    return error as Record<string, unknown>
  }
}

describe('without limits', () => {
  test('whatever is asked for is granted at once', () => {
    const { egress } = virtual({})
    const flow = egress.admit(10)
    expect(flow.take(1_000_000)).toBe(1_000_000)
    flow.end()
    expect(flow.take(1)).toBe(0)
  })

  test('nothing runs on while nobody downloads', () => {
    const { egress, timers } = virtual({})
    const flows = [egress.admit(10), egress.admit(10)]
    expect(timers.size).toBe(1)
    for (const flow of flows) flow.end()
    for (const flow of flows) flow.end()
    expect(timers.size).toBe(0)
    expect(egress.counts.running).toBe(0)
  })
})

describe('under a limit for all', () => {
  test.each([1, 3, 40])('%i downloads together stay at it, and share it evenly', async (count) => {
    const { egress, pass } = virtual({ egressBytesPerSecond: 1_000_000 })
    const clients = Array.from({ length: count }, () => new Client(egress))
    for (const client of clients) void client.run()
    await pass(10_000)
    const total = clients.reduce((sum, { taken }) => sum + taken, 0)
    expect(total).toBeLessThanOrEqual(10_050_000)
    expect(total).toBeGreaterThan(9_500_000)
    for (const { taken } of clients) {
      expect(taken).toBeGreaterThan((total / count) * 0.9)
      expect(taken).toBeLessThan((total / count) * 1.1)
    }
    expect(egress.counts.bytes).toBe(total)
  })

  test('one that comes late has its share from then on', async () => {
    const { egress, pass } = virtual({ egressBytesPerSecond: 1_000_000 })
    const first = new Client(egress)
    void first.run()
    await pass(5_000)
    const late = new Client(egress)
    void late.run()
    const before = first.taken
    await pass(5_000)
    expect(late.taken).toBeGreaterThan(2_250_000)
    expect(late.taken / (first.taken - before)).toBeCloseTo(1, 0)
  })

  test('what slow clients leave goes to the others', async () => {
    const { egress, pass } = virtual({ egressBytesPerSecond: 1_000_000 })
    const slow = Array.from({ length: 9 }, () => new Client(egress))
    const fast = new Client(egress)
    void fast.run()
    for (let second = 0; second < 10; second += 1) {
      for (const { flow } of slow) void Promise.resolve(flow.take(4_096)).then((granted) => flow.sent(granted, granted))
      await pass(1_000)
    }
    expect(fast.taken).toBeGreaterThan(7_000_000)
    expect(egress.counts.bytes).toBeLessThanOrEqual(10_050_000)
  })

  test('a high limit does not hold one client back', async () => {
    const { egress, pass } = virtual({ egressBytesPerSecond: 500_000_000 })
    const client = new Client(egress)
    void client.run(256 * 1024)
    await pass(3_000)
    expect(client.taken).toBeGreaterThan(250_000_000)
  })

  test('no download is begun that would get less than the least, and running ones keep theirs', async () => {
    const { egress, pass } = virtual({ egressBytesPerSecond: 1_000_000, downloadMinBytesPerSecond: 200_000 })
    const clients = Array.from({ length: 5 }, () => new Client(egress, 4_000_000))
    for (const client of clients) void client.run()
    const refused = refusal(() => egress.admit(1))
    expect(refused).toMatchObject({ code: 'too-many', details: { retryAfterSeconds: 30 } })
    const again = refusal(() => egress.requireRoom()) as { details: { retryAfterSeconds: number } }
    expect(again.details.retryAfterSeconds).toBeGreaterThan(30)
    expect(again.details.retryAfterSeconds).toBeLessThan(60)
    expect(egress.counts).toMatchObject({ running: 5, refused: 2 })
    await pass(21_000)
    expect(clients.map(({ taken }) => taken)).toEqual([4_000_000, 4_000_000, 4_000_000, 4_000_000, 4_000_000])
    expect(refusal(() => egress.admit(1))).toBeUndefined()
  })

  test('one download is let in however low the limit is', () => {
    const { egress } = virtual({ egressBytesPerSecond: 500, downloadMinBytesPerSecond: 200_000 })
    egress.admit(10)
    expect(refusal(() => egress.admit(10))).toMatchObject({ code: 'too-many' })
  })

  test('one that ends while it waits is told so', async () => {
    const { egress } = virtual({ egressBytesPerSecond: 1_000 })
    const flow = egress.admit(10_000)
    const waiting = flow.take(5_000)
    expect(egress.counts.waiting).toBe(1)
    flow.end()
    expect(await waiting).toBe(0)
    expect(egress.counts).toMatchObject({ running: 0, waiting: 0 })
  })
})

describe('under a limit for each', () => {
  test.each([100, 20_000, 3_000_000])('of %i bytes a second every download stays at it', async (limit) => {
    const { egress, pass } = virtual({ downloadBytesPerSecond: limit })
    const clients = [new Client(egress), new Client(egress)]
    for (const client of clients) void client.run()
    const seconds = Math.max(10, 100_000 / limit)
    await pass(seconds * 1_000)
    for (const { taken } of clients) {
      expect(taken).toBeLessThanOrEqual(limit * seconds + 4_096)
      expect(taken).toBeGreaterThan(limit * seconds * 0.85 - 4_096)
    }
  })

  test('the limit for all still holds', async () => {
    const { egress, pass } = virtual({ downloadBytesPerSecond: 400_000, egressBytesPerSecond: 1_000_000 })
    const clients = Array.from({ length: 4 }, () => new Client(egress))
    for (const client of clients) void client.run()
    await pass(10_000)
    for (const { taken } of clients) expect(taken / 2_500_000).toBeCloseTo(1, 1)
  })
})

describe('a limit for the number of downloads', () => {
  test('refuses what is too much, and lets in again when one has ended', () => {
    const { egress } = virtual({ downloadsAtOnce: 2 })
    const first = egress.admit(1)
    egress.admit(1)
    expect(refusal(() => egress.admit(1))).toMatchObject({ code: 'too-many' })
    first.end()
    expect(refusal(() => egress.admit(1))).toBeUndefined()
  })
})

describe('a client that makes too little progress', () => {
  test('is ended, however often it takes a byte', async () => {
    const { egress, pass } = virtual({})
    const client = new Client(egress)
    client.flow.take(256 * 1024)
    for (let second = 0; second < 70 && !client.stalled; second += 1) {
      client.flow.sent(10, 10)
      await pass(1_000)
    }
    expect(client.stalled).toBe(true)
    expect(egress.counts.running).toBe(0)
  })

  test('is left alone while it takes as much as it must, or waits for its share, or for the disk', async () => {
    const { egress, pass } = virtual({ egressBytesPerSecond: 1_000 })
    const slow = new Client(egress)
    for (let minute = 0; minute < 3; minute += 1) {
      const granted = await Promise.race([slow.flow.take(5_000), pass(20_000).then(() => 0)])
      await pass(50_000)
      slow.flow.sent(granted, granted)
    }
    await pass(300_000)
    expect(slow.stalled).toBe(false)
  })

  test('is never ended where the limit is off', async () => {
    const { egress, pass } = virtual({ downloadProgressMs: 0 })
    const client = new Client(egress)
    client.flow.take(1_000)
    await pass(600_000)
    expect(client.stalled).toBe(false)
  })
})
