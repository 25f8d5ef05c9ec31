import type { LoadResult, RequestsJob } from '../load/job.ts'
import type { Aim, Line } from '../report/results.ts'
import { asBaseline, assertSameReply, rawReply } from '../support/raw-reply.ts'
import { type MeasuredServer, startServer } from '../support/server-process.ts'
import { ratioOf, sampleOf } from '../support/statistics.ts'
import { type Bench, baselineFile, inTurns } from './bench.ts'

/** Requests to Godwit against the least that could answer them with the same bytes. */
export interface Contest {
  readonly what: string
  readonly godwit: MeasuredServer
  /** Made anew for each server, since they name it. */
  readonly requests: (url: string) => readonly Uint8Array[]
  readonly connections: number
  readonly newConnections?: boolean
  readonly measure: 'requests per CPU second' | 'p99 ms'
  readonly aim: Aim
  readonly baseline?: { readonly name: string; readonly file: string; readonly env?: Record<string, string> }
  /** Takes out of a body what is new in every answer. */
  readonly mask?: (body: string) => string
}

const BARE = { name: 'bare node:http', file: 'bare-http.mjs' } as const
/** Every device asks once, so that its facts are in memory; the baseline is as warm. */
const WARM_REQUESTS = 5_000
const WARM_SECONDS = 60
/** Answers to different devices may differ by a digit. */
const BYTES_APART = 0.01

interface Round {
  readonly load: LoadResult
  readonly cpuSeconds: number
}

/** Proves that the baseline answers the same bytes, warms both up, then measures in turns. */
export async function runContest(bench: Bench, contest: Contest): Promise<Line> {
  const { godwit, what, measure, baseline = BARE } = contest
  const ours = await rawReply(godwit.url, first(contest.requests(godwit.url)))
  if (ours.status !== 200) throw new Error(`${what}: ${ours.status} ${ours.body}`)
  const env = 'env' in baseline ? baseline.env : {}
  const bare = await startServer([baselineFile(baseline.file)], { ...env, BASELINE_REPLY: asBaseline(ours) })
  try {
    assertSameReply(ours, await rawReply(bare.url, first(contest.requests(bare.url))), contest.mask)
    const [own, other] = [round(bench, contest, godwit), round(bench, contest, bare)]
    const { length } = contest.requests(godwit.url)
    // Rounds that are too short to mean anything need no warm machine code either, and small fleets have few calls.
    const limit = bench.options.seconds < 1 ? length : Math.max(WARM_REQUESTS, length)
    await own({ seconds: WARM_SECONDS, limit, connections: 32 })
    await other({ seconds: WARM_SECONDS, limit, connections: 32 })
    const [a = [], b = []] = await inTurns(bench.options.rounds, [own, other])
    requireSameBytes(what, a, b)
    const value = (one: Round) => (measure === 'p99 ms' ? one.load.p99Ms : one.load.requests / one.cpuSeconds)
    return {
      what,
      unit: measure,
      ours: sampleOf(a.map(value)),
      baseline: { name: baseline.name, value: sampleOf(b.map(value)) },
      ratio: ratioOf(a.map(value), b.map(value)),
      judged: 'ratio',
      aim: contest.aim,
      cpuMicros: sampleOf(a.map(({ load, cpuSeconds }) => (cpuSeconds / load.requests) * 1e6)).median,
      p50Ms: sampleOf(a.map(({ load }) => load.p50Ms)).median,
      p99Ms: sampleOf(a.map(({ load }) => load.p99Ms)).median,
      rssMb: godwit.rss() / 2 ** 20,
    }
  } finally {
    await bare.stop()
  }
}

function round(bench: Bench, contest: Contest, server: MeasuredServer) {
  const requests = contest.requests(server.url)
  return async (more: Partial<RequestsJob> = {}): Promise<Round> => {
    const before = server.cpuSeconds()
    const load = await bench.generator.run({
      kind: 'requests',
      url: server.url,
      source: { kind: 'list', requests },
      connections: contest.connections,
      seconds: bench.options.seconds,
      newConnections: contest.newConnections ?? false,
      ...more,
    })
    return { load, cpuSeconds: server.cpuSeconds() - before }
  }
}

function first(requests: readonly Uint8Array[]): Uint8Array {
  const [request] = requests
  if (!request) throw new Error('no requests')
  return request
}

/** Under load too both must have sent the same amount for each answer. */
function requireSameBytes(what: string, ours: readonly Round[], bare: readonly Round[]): void {
  const each = (rounds: readonly Round[]) =>
    rounds.reduce((sum, { load }) => sum + load.bytes, 0) / rounds.reduce((sum, { load }) => sum + load.requests, 0)
  if (Math.abs(each(ours) / each(bare) - 1) > BYTES_APART)
    throw new Error(`${what}: ${each(ours)} bytes an answer, the baseline ${each(bare)}`)
}
