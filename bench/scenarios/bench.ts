import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cachedFleet, copyFleet, type Database, type FleetCopy } from '../fleet/cache.ts'
import type { FleetFacts } from '../fleet/fleet.ts'
import { type LoadGenerator, startGenerator } from '../load/load-generator.ts'
import type { RowResult } from '../report/results.ts'
import { startGodwit } from '../support/godwit.ts'
import { type BenchPostgres, startPostgres } from '../support/postgres.ts'
import type { MeasuredServer } from '../support/server-process.ts'

export interface BenchOptions {
  readonly devices: number
  readonly rounds: number
  readonly seconds: number
}

/** One row of the table: how it is called, what it is, how it is measured. */
export interface Row {
  readonly name: string
  readonly title: string
  /** It asks the server that other rows ask too. */
  readonly isShared?: true
  /** Of the fleet that it runs on; SQLite unless said. */
  readonly database?: Database
  run(bench: Bench): Promise<RowResult['lines'] | Skipped>
}

export interface Skipped {
  readonly skipped: string
}

/** Godwit on a fleet of its own. */
export interface Station {
  readonly server: MeasuredServer
  readonly fleet: FleetFacts
  readonly data: string
}

export const baselineFile = (name: string): string => fileURLToPath(new URL(`../baselines/${name}`, import.meta.url))

/** What the rows share: options, the load generator, fleets and one server that is not changed by what is asked of it. */
export class Bench {
  readonly options: BenchOptions
  readonly generator: LoadGenerator = startGenerator()
  readonly #ends: (() => Promise<void> | void)[] = []
  #shared: Promise<Station> | undefined

  constructor(options: BenchOptions) {
    this.options = options
  }

  /** The server of the rows that only ask; SQLite. */
  shared(): Promise<Station> {
    this.#shared ??= this.#start()
    return this.#shared
  }

  /** A copy of the fleet in SQLite. */
  async copy(): Promise<FleetCopy> {
    return copyFleet(await cachedFleet('sqlite', this.options.devices))
  }

  /** A copy of the fleet in PostgreSQL with its server. */
  async copyPostgres(): Promise<FleetCopy & { readonly postgres: BenchPostgres }> {
    const folder = await cachedFleet('postgres', this.options.devices)
    const postgres = await startPostgres(join(folder, 'postgres'))
    return { ...copyFleet(folder), postgres }
  }

  /** Makes sure that the fleet is there, so that its making is no part of any row. */
  prepare(database: Database): Promise<string> {
    return cachedFleet(database, this.options.devices)
  }

  /** Ends the shared server, so that it takes nothing from rows that have their own. */
  async endShared(): Promise<void> {
    this.#shared = undefined
    for (const end of this.#ends.splice(0).reverse()) await end()
  }

  async stop(): Promise<void> {
    await this.endShared()
    this.generator.stop()
  }

  async #start(): Promise<Station> {
    const { data, fleet, remove } = await this.copy()
    this.#ends.push(remove)
    const server = await startGodwit({ data })
    this.#ends.push(() => server.stop())
    return { server, fleet, data }
  }
}

/** Rounds of several contestants in turns: A B A B; results by contestant, in the order of the rounds. */
export async function inTurns<T>(rounds: number, contestants: readonly (() => Promise<T>)[]): Promise<T[][]> {
  const results: T[][] = contestants.map(() => [])
  for (let round = 0; round < rounds; round++)
    for (const [index, contestant] of contestants.entries()) results[index]?.push(await contestant())
  return results
}
