import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RawDevice } from '../baselines/raw-rows.ts'
import { type FleetFacts, idOf, keyOf, tokenOf, updateOf, updatingNumbers } from '../fleet/fleet.ts'
import { reportRequest } from '../load/job.ts'
import type { Line } from '../report/results.ts'
import { startGodwit } from '../support/godwit.ts'
import { whyNoPostgres } from '../support/postgres.ts'
import { rawReply } from '../support/raw-reply.ts'
import type { MeasuredServer } from '../support/server-process.ts'
import { ratioOf, sampleOf } from '../support/statistics.ts'
import { type Bench, inTurns, type Row } from './bench.ts'
import { startRawWriter } from './raw-writer.ts'
import { REPORT_LIFE } from './report-life.ts'
import { assertSameRows, postgresReader, type ReadRows, rowsOfDevice, sqliteReader } from './same-rows.ts'

const CONNECTIONS = 64
const WITHOUT_COMMIT = fileURLToPath(new URL('../baselines/without-commit.mjs', import.meta.url))

interface Round {
  readonly perSecond: number
  readonly cpuMicros?: number
  readonly p50Ms?: number
  readonly p99Ms?: number
}

export const reportsSqlite: Row = {
  name: 'reports-sqlite',
  title: 'durable reports on SQLite, 64 connections',
  async run(bench) {
    const [copy, other, raw] = [await bench.copy(), await bench.copy(), await bench.copy()]
    const writer = startRawWriter()
    const server = await startGodwit({ data: copy.data })
    const without = await startGodwit({ data: other.data, preload: WITHOUT_COMMIT })
    try {
      const [proof, ...devices] = reporters(copy.fleet)
      if (!proof) throw new Error('no device has an update under way')
      const rawTarget = { file: join(raw.data, 'godwit.db') }
      await writer.run({ target: rawTarget, devices: [proof], from: 0, limit: REPORT_LIFE.length, seconds: 60 })
      const answers = await reportAll(server, proof)
      if (answers !== (await reportAll(without, proof))) throw new Error('Without commit it answers otherwise')
      await proveRows([sqliteReader(join(copy.data, 'godwit.db')), sqliteReader(rawTarget.file)], [proof, proof])
      const [ours = [], uncommitted = [], rows = []] = await measure(bench, [
        reporting(bench, server, devices),
        reporting(bench, without, devices),
        writing(bench, writer.run, { target: rawTarget, devices }),
      ])
      return [
        lineOf(
          this.title,
          { server, ours, baseline: { name: 'raw node:sqlite, the same rows', rounds: rows } },
          10_000,
        ),
        {
          ...lineOf(`${this.title}: cost of the commit`, {
            server,
            ours,
            baseline: { name: 'the same handler without commit', rounds: uncommitted },
          }),
          judged: 'ratio',
          aim: { atLeast: 0.5 },
        },
      ]
    } finally {
      writer.stop()
      await Promise.all([server.stop(), without.stop()])
      for (const one of [copy, other, raw]) one.remove()
    }
  },
}

export const reportsPostgres: Row = {
  name: 'reports-postgres',
  database: 'postgres',
  title: 'durable reports on PostgreSQL, 64 connections',
  async run(bench) {
    const skipped = whyNoPostgres()
    if (skipped !== undefined) return { skipped }
    const { postgres, data, fleet, remove } = await bench.copyPostgres()
    const writer = startRawWriter()
    const server = await startGodwit({ data, databaseUrl: postgres.url })
    try {
      const [proof, rawProof, ...devices] = reporters(fleet)
      if (!proof || !rawProof) throw new Error('no device has an update under way')
      const half = Math.ceil(devices.length / 2)
      const rawTarget = { url: postgres.url }
      await writer.run({ target: rawTarget, devices: [rawProof], from: 0, limit: REPORT_LIFE.length, seconds: 60 })
      await reportAll(server, proof)
      const read = postgresReader(postgres.url)
      await proveRows([read, read], [proof, rawProof])
      const [ours = [], rows = []] = await measure(bench, [
        reporting(bench, server, devices.slice(0, half)),
        writing(bench, writer.run, { target: rawTarget, devices: devices.slice(half) }),
      ])
      return [lineOf(this.title, { server, ours, baseline: { name: 'raw pg, the same rows', rounds: rows } }, 6_000)]
    } finally {
      writer.stop()
      await server.stop()
      await postgres.stop()
      remove()
    }
  },
}

interface Reporter extends RawDevice {
  readonly token: string
}

function reporters(fleet: FleetFacts): Reporter[] {
  return [...updatingNumbers(fleet)].map((number) => ({
    token: tokenOf(number),
    update: updateOf(number),
    id: idOf(number),
    key: keyOf(number),
    serial: fleet.firstSerial + number,
  }))
}

/** A whole life of reports, one after the other; the answers. */
async function reportAll(server: MeasuredServer, device: Reporter): Promise<string> {
  let answers = ''
  for (const [turn, report] of REPORT_LIFE.entries()) {
    const request = reportRequest(new URL(server.url).host, device, { id: `r${turn}`, report })
    const reply = await rawReply(server.url, Buffer.from(request))
    if (!reply.body.includes('"accepted"')) throw new Error(`not accepted: ${reply.status} ${reply.body}`)
    answers += `${reply.status} ${reply.body}\n`
  }
  return answers
}

async function proveRows(
  [readOurs, readRaw]: readonly [ReadRows, ReadRows],
  [ours, raw]: readonly [RawDevice, RawDevice],
): Promise<void> {
  assertSameRows(await rowsOfDevice(readOurs, ours), await rowsOfDevice(readRaw, raw))
}

/** A round of a contestant: at most so many reports, for so long. */
type Contestant = { readonly supply: number; round(limit: number, seconds: number): Promise<Round> }

/** Each contestant has a supply of reports that is never sent twice; a round takes its share at most. */
async function measure(bench: Bench, contestants: readonly Contestant[]): Promise<Round[][]> {
  const { rounds, seconds } = bench.options
  const share = ({ supply }: Contestant) => Math.floor(supply / (rounds + 1))
  for (const one of contestants) await one.round(share(one), Math.min(1, seconds))
  return inTurns(
    rounds,
    contestants.map((one) => () => one.round(share(one), seconds)),
  )
}

function reporting(bench: Bench, server: MeasuredServer, devices: readonly Reporter[]): Contestant {
  let from = 0
  return {
    supply: devices.length * REPORT_LIFE.length,
    async round(limit, seconds) {
      const before = server.cpuSeconds()
      const load = await bench.generator.run({
        kind: 'requests',
        url: server.url,
        source: {
          kind: 'reports',
          devices: devices.map(({ token, update }) => ({ token, update })),
          life: REPORT_LIFE,
        },
        from,
        limit,
        connections: CONNECTIONS,
        seconds,
      })
      from += load.requests
      const cpuMicros = ((server.cpuSeconds() - before) / load.requests) * 1e6
      return { perSecond: load.requests / load.seconds, cpuMicros, p50Ms: load.p50Ms, p99Ms: load.p99Ms }
    },
  }
}

function writing(
  bench: Bench,
  run: ReturnType<typeof startRawWriter>['run'],
  what: { readonly target: { file: string } | { url: string }; readonly devices: readonly RawDevice[] },
): Contestant {
  let from = 0
  return {
    supply: what.devices.length * REPORT_LIFE.length,
    async round(limit, seconds) {
      const { reports, seconds: took } = await run({
        ...what,
        from,
        limit,
        seconds: Math.min(seconds, bench.options.seconds),
      })
      from += reports
      return { perSecond: reports / took }
    },
  }
}

interface Compared {
  readonly server: MeasuredServer
  readonly ours: readonly Round[]
  readonly baseline: { readonly name: string; readonly rounds: readonly Round[] }
}

function lineOf(what: string, { server, ours, baseline }: Compared, atLeast?: number): Line {
  const [own, other] = [ours.map(({ perSecond }) => perSecond), baseline.rounds.map(({ perSecond }) => perSecond)]
  const median = (of: (round: Round) => number | undefined) => sampleOf(ours.map((round) => of(round) ?? 0)).median
  return {
    what,
    unit: 'reports/s',
    ours: sampleOf(own),
    baseline: { name: baseline.name, value: sampleOf(other) },
    ratio: ratioOf(own, other),
    judged: 'ours',
    ...(atLeast !== undefined && { aim: { atLeast } }),
    cpuMicros: median(({ cpuMicros }) => cpuMicros),
    p50Ms: median(({ p50Ms }) => p50Ms),
    p99Ms: median(({ p99Ms }) => p99Ms),
    rssMb: server.rss() / 2 ** 20,
  }
}
