import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { removeFolder, temporaryFolder } from '../support/leftovers.ts'
import { startPostgres } from '../support/postgres.ts'
import { type FleetFacts, readFleet } from './fleet.ts'
import { seedFleet } from './seed-fleet.ts'

export type Database = 'sqlite' | 'postgres'

/** A copy of a fleet that belongs to whoever asked for it. */
export interface FleetCopy {
  readonly data: string
  readonly fleet: FleetFacts
  remove(): void
}

const UNFINISHED = 'unfinished-'
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Fleets are made anew when any of this changes. */
const MADE_BY = ['src/storage/sql/migrations', 'src/storage/sql/dialects', 'bench/fleet', 'bench/support/postgres.ts']
/** Taken once: whoever edits files during a run gets the fleet of its beginning. */
const SEED = madeBy()
const CACHE = process.env['GODWIT_BENCH_CACHE'] ?? join(ROOT, '.bench-cache')

/** The folder of a fleet, made when there is none yet: `data`, and with PostgreSQL `postgres` for the database. */
export async function cachedFleet(database: Database, devices: number): Promise<string> {
  const folder = join(CACHE, `${database}-${devices}-${SEED}`)
  if (existsSync(folder)) return folder
  mkdirSync(CACHE, { recursive: true })
  removeOlder(`${database}-${devices}-`)
  const startedAt = performance.now()
  console.log(`Making a fleet of ${devices} devices in ${database}; it is kept in ${CACHE} …`)
  const unfinished = mkdtempSync(join(CACHE, UNFINISHED))
  process.once('exit', () => rmSync(unfinished, { recursive: true, force: true }))
  const data = join(unfinished, 'data')
  if (database === 'sqlite') await seedFleet(data, devices)
  else await seedPostgres(unfinished, data, devices)
  renameSync(unfinished, folder)
  console.log(`… made in ${((performance.now() - startedAt) / 1000).toFixed(0)} s.`)
  return folder
}

async function seedPostgres(unfinished: string, data: string, devices: number): Promise<void> {
  const server = await startPostgres()
  await seedFleet(data, devices, server.url).finally(() => server.stop('keep'))
  execFileSync('cp', ['-a', '--reflink=auto', server.folder, join(unfinished, 'postgres')])
  removeFolder(server.folder)
}

/** A copy of a fleet's data folder, on the disk before anything is timed. */
export function copyFleet(folder: string): FleetCopy {
  const data = temporaryFolder('data')
  execFileSync('cp', ['-a', '--reflink=auto', `${join(folder, 'data')}/.`, data])
  execFileSync('find', [data, '-type', 'f', '-exec', 'sync', '{}', '+'])
  return { data, fleet: readFleet(data), remove: () => removeFolder(data) }
}

function madeBy(): string {
  const hash = createHash('sha256')
  for (const place of MADE_BY) for (const file of filesOf(join(ROOT, place))) hash.update(readFileSync(file))
  return hash.digest('hex').slice(0, 12)
}

function filesOf(place: string): string[] {
  if (place.endsWith('.ts')) return [place]
  return readdirSync(place)
    .sort()
    .map((name) => join(place, name))
}

function removeOlder(prefix: string): void {
  for (const name of readdirSync(CACHE))
    if (name.startsWith(prefix)) rmSync(join(CACHE, name), { recursive: true, force: true })
}
