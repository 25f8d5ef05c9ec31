import { applyLoad, type Load } from './load.ts'
import type { MeasuredServer } from './server-process.ts'
import { medianAndSpread } from './statistics.ts'

/** One line of the result table. */
export interface Measured {
  readonly name: string
  readonly unit: string
  readonly ours: number
  readonly bare: number
  /** Ours over bare, median of the rounds. */
  readonly ratio: number
  /** Spread of the ratio over the rounds, as a share of it. */
  readonly spread: number
  readonly aim: string
  readonly met: boolean
  readonly p50Ms?: number
  readonly p99Ms?: number
  readonly rssMb: number
}

export interface Contest {
  readonly name: string
  readonly ours: MeasuredServer
  readonly bare: MeasuredServer
  readonly load: Omit<Load, 'url'>
  readonly path: string
  readonly rounds: number
  readonly aim: number
}

/** Requests per second of processor time, ours and bare in turns; the ratio's median decides. */
export async function compareRequests(contest: Contest): Promise<Measured> {
  const rounds: { ours: number; bare: number; p50: number; p99: number }[] = []
  await perCpuSecond(contest, contest.ours, 1)
  await perCpuSecond(contest, contest.bare, 1)
  for (let round = 0; round < contest.rounds; round++) {
    const ours = await perCpuSecond(contest, contest.ours)
    const bare = await perCpuSecond(contest, contest.bare)
    rounds.push({ ours: ours.rate, bare: bare.rate, p50: ours.p50Ms, p99: ours.p99Ms })
  }
  const ratio = medianAndSpread(rounds.map((round) => round.ours / round.bare))
  return {
    name: contest.name,
    unit: 'requests per CPU second',
    ours: medianAndSpread(rounds.map((round) => round.ours)).median,
    bare: medianAndSpread(rounds.map((round) => round.bare)).median,
    ratio: ratio.median,
    spread: ratio.spread,
    aim: `>= ${contest.aim}`,
    met: ratio.median >= contest.aim,
    p50Ms: medianAndSpread(rounds.map((round) => round.p50)).median,
    p99Ms: medianAndSpread(rounds.map((round) => round.p99)).median,
    rssMb: contest.ours.rss() / 2 ** 20,
  }
}

async function perCpuSecond(contest: Contest, server: MeasuredServer, seconds = contest.load.seconds) {
  const before = server.cpuSeconds()
  const result = await applyLoad({ ...contest.load, seconds, url: server.url + contest.path })
  if (result.failures > 0 || result.requests === 0)
    throw new Error(`${contest.name}: ${result.failures} failures, ${result.requests} requests`)
  return { rate: result.requests / (server.cpuSeconds() - before), p50Ms: result.p50Ms, p99Ms: result.p99Ms }
}
