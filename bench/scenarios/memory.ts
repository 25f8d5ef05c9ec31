import { setTimeout as sleep } from 'node:timers/promises'
import { startGodwit } from '../support/godwit.ts'
import { sampleOf } from '../support/statistics.ts'
import type { Row } from './bench.ts'
import { checkRequests } from './native-check.ts'

const ACTIVE = 50_000
const MIB = 2 ** 20
/** What was seen is written behind; memory is read when that is done. */
const SETTLE_MS = 10_000

/** Resident memory when many are registered and a part of them asks again and again. */
export const memory: Row = {
  name: 'memory',
  title: 'memory with 50,000 devices active',
  async run(bench) {
    const { data, fleet, remove } = await bench.copy()
    const server = await startGodwit({ data })
    try {
      const idle = server.rss()
      const requests = checkRequests(fleet, { count: ACTIVE })(server.url)
      const source = { kind: 'list', requests } as const
      for (const from of [0, requests.length])
        await bench.generator.run({
          kind: 'requests',
          url: server.url,
          source,
          from,
          limit: requests.length,
          connections: 64,
          seconds: 120,
        })
      await sleep(Math.min(SETTLE_MS, bench.options.seconds * 5_000))
      const megabytes = server.rss() / MIB
      const ours = sampleOf([megabytes])
      return [
        {
          what: `memory, ${fleet.devices.toLocaleString('en')} registered, ${requests.length.toLocaleString('en')} active`,
          unit: 'MB',
          ours,
          baseline: { name: 'the same server before they call', value: sampleOf([idle / MIB]) },
          ratio: sampleOf([(megabytes * MIB) / idle]),
          judged: 'ours',
          aim: { atMost: 450 },
          rssMb: megabytes,
        },
        { what: 'the most that it was', unit: 'MB', ours: sampleOf([server.peakRss() / MIB]), judged: 'ours' },
      ]
    } finally {
      await server.stop()
      remove()
    }
  },
}
