import { statSync } from 'node:fs'
import { join } from 'node:path'
import { startGodwit } from '../support/godwit.ts'
import { removeFolder, temporaryFolder } from '../support/leftovers.ts'
import { ratioOf, sampleOf } from '../support/statistics.ts'
import { inTurns, type Row } from './bench.ts'

/** From the start of the process to the line that says that it serves; the file in the system's cache. */
export const start: Row = {
  name: 'start',
  title: 'start to ready',
  async run(bench) {
    const { data, fleet, remove } = await bench.copy()
    const empty = temporaryFolder('empty')
    const startOn = (folder: string) => async () => {
      const server = await startGodwit({ data: folder })
      const measured = { ms: server.readyMs, rss: server.rss() }
      await server.stop()
      return measured
    }
    try {
      for (const folder of [data, empty]) await startOn(folder)()
      const [ours = [], bare = []] = await inTurns(bench.options.rounds, [startOn(data), startOn(empty)])
      const [a, b] = [ours.map(({ ms }) => ms), bare.map(({ ms }) => ms)]
      return [
        {
          what: this.title,
          unit: 'ms',
          ours: sampleOf(a),
          baseline: { name: 'the same with an empty database', value: sampleOf(b) },
          ratio: ratioOf(a, b),
          judged: 'ours',
          aim: { atMost: 1000 },
          rssMb: sampleOf(ours.map(({ rss }) => rss)).median / 2 ** 20,
        },
        {
          what: 'database on the disk',
          unit: 'bytes for each registered device',
          ours: sampleOf([statSync(join(data, 'godwit.db')).size / fleet.devices]),
          judged: 'ours',
        },
      ]
    } finally {
      remove()
      removeFolder(empty)
    }
  },
}
