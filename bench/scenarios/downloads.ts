import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { tokenOf, updatingNumbers } from '../fleet/fleet.ts'
import type { LoadResult } from '../load/job.ts'
import type { Line } from '../report/results.ts'
import { startNginx, whyNoNginx } from '../support/nginx.ts'
import { asBaseline, assertSameReply, type RawReply, rawReply, requestBytes } from '../support/raw-reply.ts'
import { type MeasuredServer, startServer } from '../support/server-process.ts'
import { ratioOf, sampleOf } from '../support/statistics.ts'
import { type Bench, baselineFile, inTurns, type Row, type Skipped, type Station } from './bench.ts'

const GB = 1e9
const MANY = 500

/** CPU seconds for a GB, of eight devices that fetch 100 MB at the same time. */
export const downloadLarge: Row = {
  name: 'download-100mb',
  title: 'download, 100 MB x 8',
  isShared: true,
  async run(bench) {
    const station = await bench.shared()
    const { big, bigBytes } = station.fleet.artifacts
    const what = `download, ${bigBytes / 1e6} MB x ${station.fleet.bigDevices.length}`
    await openUpdates(station.server, station.fleet.bigDevices)
    const download = { sha256: big, tokens: station.fleet.bigDevices, what, unit: 'CPU s/GB' } as const
    const cost = ({ cpuSeconds, load }: Round) => cpuSeconds / (load.bytes / GB)
    return compare(bench, station, { ...download, figure: cost, aim: { atMost: 1.05 } })
  },
}

/** MB a second, of five hundred devices that fetch 1 MB at the same time. */
export const downloadMany: Row = {
  name: 'download-500x1mb',
  title: `download, ${MANY} clients x 1 MB`,
  isShared: true,
  async run(bench) {
    const station = await bench.shared()
    const devices = [...updatingNumbers(station.fleet).take(MANY)].map(tokenOf)
    const tokens = Array.from({ length: MANY }, (_, index) => devices[index % devices.length] ?? '')
    const download = { sha256: station.fleet.artifacts.rollout, tokens, what: this.title, unit: 'MB/s' } as const
    const speed = ({ load }: Round) => load.bytes / 1e6 / load.seconds
    return compare(bench, station, { ...download, figure: speed, aim: { atLeast: 0.9 } })
  },
}

interface Download {
  readonly what: string
  readonly unit: string
  readonly sha256: string
  /** One for each client. */
  readonly tokens: readonly string[]
  readonly figure: (round: Round) => number
  readonly aim: NonNullable<Line['aim']>
}

interface Round {
  readonly load: LoadResult
  readonly cpuSeconds: number
}

type Downloadable = Pick<MeasuredServer, 'url' | 'cpuSeconds'>

/** Against a file stream piped into the answer, which decides, and against nginx, which does not. */
async function compare(bench: Bench, { server, data }: Station, download: Download): Promise<Line[] | Skipped> {
  const { sha256 } = download
  const file = join(data, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256)
  const request = (url: string, token: string) =>
    requestBytes(url, `/device/v1/artifacts/${sha256}`, { headers: { authorization: `Bearer ${token}` } })
  const one = (url: string) => rawReply(url, request(url, download.tokens[0] ?? ''))
  const ours = await one(server.url)
  requireBytes(ours, sha256)
  const reply = asBaseline({ ...ours, body: Buffer.alloc(0) })
  const bare = await startServer([baselineFile('bare-pipe.mjs')], { BASELINE_REPLY: reply, BASELINE_FILE: file })
  const why = whyNoNginx()
  if (why !== undefined) console.log(`SKIPPED: downloads against nginx, because ${why}`)
  const nginx = why === undefined ? await startNginx(file) : undefined
  try {
    assertSameReply(ours, await one(bare.url))
    if (nginx) requireBytes(await one(nginx.url), sha256)
    const servers: Downloadable[] = [server, bare, ...(nginx ? [nginx] : [])]
    const fetchAll = (from: Downloadable) => async (): Promise<Round> => {
      const before = from.cpuSeconds()
      const requests = download.tokens.map((token) => request(from.url, token))
      const load = await bench.generator.run({ kind: 'downloads', url: from.url, requests })
      return { load, cpuSeconds: from.cpuSeconds() - before }
    }
    for (const from of servers) await fetchAll(from)()
    const [a = [], b = [], c] = await inTurns(bench.options.rounds, servers.map(fetchAll))
    const own = a.map(download.figure)
    const against = (name: string, rounds: readonly Round[]): Line => ({
      what: download.what,
      unit: download.unit,
      ours: sampleOf(own),
      baseline: { name, value: sampleOf(rounds.map(download.figure)) },
      ratio: ratioOf(own, rounds.map(download.figure)),
      judged: 'ratio',
      p50Ms: sampleOf(a.map(({ load }) => load.p50Ms)).median,
      p99Ms: sampleOf(a.map(({ load }) => load.p99Ms)).median,
      rssMb: server.rss() / 2 ** 20,
    })
    return [
      { ...against('bare createReadStream', b), aim: download.aim },
      ...(c ? [against('nginx, sendfile', c)] : []),
    ]
  } finally {
    await bare.stop()
    await nginx?.stop()
  }
}

/** A device gets bytes of an update under way alone, so each asks first. */
async function openUpdates(server: MeasuredServer, tokens: readonly string[]): Promise<void> {
  for (const token of tokens) {
    const reply = await fetch(`${server.url}/device/v1/check`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{}',
    })
    const answer = (await reply.json()) as { action?: string }
    if (answer.action !== 'update') throw new Error(`no update for a large download: ${JSON.stringify(answer)}`)
  }
}

function requireBytes(reply: RawReply, sha256: string): void {
  if (reply.status !== 200) throw new Error(`download: ${reply.status} ${reply.body.toString().slice(0, 300)}`)
  if (createHash('sha256').update(reply.body).digest('hex') !== sha256) throw new Error('other bytes than the file has')
}
