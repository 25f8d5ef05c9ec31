import { setTimeout as sleep } from 'node:timers/promises'
import { writeCursor } from '../../src/api/paging.ts'
import type { Database } from '../fleet/cache.ts'
import type { FleetFacts } from '../fleet/fleet.ts'
import type { LoadResult } from '../load/job.ts'
import type { Line } from '../report/results.ts'
import { login, startGodwit } from '../support/godwit.ts'
import { whyNoPostgres } from '../support/postgres.ts'
import type { MeasuredServer } from '../support/server-process.ts'
import { ratioOf, sampleOf } from '../support/statistics.ts'
import { type Bench, inTurns, type Row } from './bench.ts'
import { checkRequests } from './native-check.ts'

/** Polls a second while operators look around: far below what the server can do, so that waiting shows. */
const POLLS = 500
const PAGE = 50
/** An operator looks at what came before asking again, ms. */
const LOOK_MS = 100

type Search = 'first page' | 'deep cursor' | 'substring without hits'
const SEARCHES: readonly Search[] = ['first page', 'deep cursor', 'substring without hits']

export const operatorsSqlite: Row = {
  name: 'operators-sqlite',
  title: 'device polls while operators list and search, SQLite',
  async run(bench) {
    const copy = await bench.copy()
    const server = await startGodwit({ data: copy.data })
    try {
      return await measure(bench, { server, fleet: copy.fleet, what: this.title, database: 'sqlite' })
    } finally {
      await server.stop()
      copy.remove()
    }
  },
}

export const operatorsPostgres: Row = {
  name: 'operators-postgres',
  database: 'postgres',
  title: 'device polls while operators list and search, PostgreSQL',
  async run(bench) {
    const skipped = whyNoPostgres()
    if (skipped !== undefined) return { skipped }
    const copy = await bench.copyPostgres()
    const server = await startGodwit({ data: copy.data, databaseUrl: copy.postgres.url })
    try {
      return await measure(bench, { server, fleet: copy.fleet, what: this.title, database: 'postgres' })
    } finally {
      await server.stop()
      await copy.postgres.stop()
      copy.remove()
    }
  },
}

interface Subject {
  readonly server: MeasuredServer
  readonly fleet: FleetFacts
  readonly what: string
  readonly database: Database
}

interface Round {
  readonly polls: LoadResult
  readonly searchMs: Readonly<Record<Search, readonly number[]>>
}

/** Polls at a fixed pace with operators and without, in turns. */
async function measure(bench: Bench, { server, fleet, what, database }: Subject): Promise<Line[]> {
  const requests = checkRequests(fleet)(server.url)
  const headers = await login(server.url)
  const paths = pathsOf(fleet)
  const poll = (seconds: number) =>
    bench.generator.run({
      kind: 'requests',
      url: server.url,
      source: { kind: 'list', requests },
      connections: 64,
      seconds,
      rate: POLLS,
    })
  const warm = { kind: 'list', requests } as const
  await bench.generator.run({
    kind: 'requests',
    url: server.url,
    source: warm,
    limit: requests.length,
    connections: 32,
    seconds: 120,
  })
  const quiet = async (): Promise<Round> => ({ polls: await poll(bench.options.seconds), searchMs: NO_SEARCHES })
  const busy = async (): Promise<Round> => {
    const operators = startOperators(server.url, headers, paths)
    const polls = await poll(bench.options.seconds)
    return { polls, searchMs: await operators.stop() }
  }
  await busy()
  const [ours = [], without = []] = await inTurns(bench.options.rounds, [busy, quiet])
  const p99 = (rounds: readonly Round[]) => rounds.map(({ polls }) => polls.p99Ms)
  const rssMb = server.rss() / 2 ** 20
  return [
    {
      what: `${what}: p99 of polls`,
      unit: 'ms',
      ours: sampleOf(p99(ours)),
      baseline: { name: 'the same polls without operators', value: sampleOf(p99(without)) },
      ratio: ratioOf(p99(ours), p99(without)),
      judged: 'ours',
      aim: { atMost: 25 },
      p50Ms: sampleOf(ours.map(({ polls }) => polls.p50Ms)).median,
      p99Ms: sampleOf(p99(ours)).median,
      rssMb,
    },
    ...SEARCHES.map((search): Line => {
      const worst = ours.map(({ searchMs }) => median(searchMs[search]))
      const name = database === 'sqlite' ? 'SQLite' : 'PostgreSQL'
      return { what: `${search}, ${name}`, unit: 'ms', ours: sampleOf(worst), judged: 'ours', aim: { atMost: 100 } }
    }),
  ]
}

const NO_SEARCHES: Round['searchMs'] = { 'first page': [], 'deep cursor': [], 'substring without hits': [] }

function pathsOf({ firstSerial, devices }: FleetFacts): Readonly<Record<Search, string>> {
  const list = `/api/godwit/v1/devices?limit=${PAGE}`
  return {
    'first page': list,
    'deep cursor': `${list}&cursor=${writeCursor(firstSerial + Math.floor(devices * 0.9), 'asc')}`,
    'substring without hits': `${list}&search=nowhere-to-be-found`,
  }
}

/** One operator for each kind of look, each asking again shortly after it was answered. */
function startOperators(url: string, headers: Record<string, string>, paths: Readonly<Record<Search, string>>) {
  let isOver = false
  async function look(search: Search): Promise<readonly number[]> {
    const times: number[] = []
    do {
      const startedAt = performance.now()
      const reply = await fetch(url + paths[search], { headers })
      const { items } = (await reply.json()) as { items?: unknown[] }
      times.push(performance.now() - startedAt)
      const hits = search === 'substring without hits' ? 0 : 1
      if (!reply.ok || !items || Math.min(items.length, 1) !== hits)
        throw new Error(`${search}: ${reply.status}, ${items?.length} devices`)
      if (!isOver) await sleep(LOOK_MS)
    } while (!isOver)
    return times
  }
  const looking = Promise.all(SEARCHES.map(look))
  looking.catch(() => undefined)
  return {
    async stop(): Promise<Round['searchMs']> {
      isOver = true
      const [first = [], deep = [], none = []] = await looking
      return { 'first page': first, 'deep cursor': deep, 'substring without hits': none }
    },
  }
}

function median(values: readonly number[]): number {
  return sampleOf(values).median
}
