import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { chown } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import pg from 'pg'
import { freePort } from '../../test/support/free-port.ts'
import { findPostgres, type PostgresBinaries } from '../../test/support/postgres-binaries.ts'
import { removeFolder, temporaryFolder } from './leftovers.ts'

const run = promisify(execFile)
const USER = 'postgres'
const DATABASE = 'godwit'

export interface BenchPostgres {
  readonly url: string
  /** Where its data is; of the benchmark alone. */
  readonly folder: string
  readonly version: string
  /** Ends it; `keep` leaves the data for a copy. */
  stop(keep?: 'keep'): Promise<void>
}

/** Why there can be no PostgreSQL here; undefined when there can. */
export function whyNoPostgres(): string | undefined {
  const found = findPostgres()
  return 'skip' in found ? found.skip : undefined
}

/**
 * A PostgreSQL server of this run alone as it is after installation: loopback, a free port, durable, its defaults but
 * for the number of connections. `from`: a data folder that is copied; absent: a new, empty database.
 */
export async function startPostgres(from?: string): Promise<BenchPostgres> {
  const binaries = findPostgres()
  if ('skip' in binaries) throw new Error(binaries.skip)
  const folder = temporaryFolder('postgres')
  if (from === undefined) await initialise(binaries, folder)
  else await run('cp', ['-a', '--reflink=auto', `${from}/.`, folder])
  chmodSync(folder, 0o700)
  if (binaries.user) await run('chown', ['-R', `${binaries.user.uid}:${binaries.user.gid}`, folder])
  if (from !== undefined) await run('find', [folder, '-type', 'f', '-exec', 'sync', '{}', '+'])
  const port = await freePort()
  const stop = await serve(binaries, folder, port)
  const url = (name: string) => `postgres://${USER}@127.0.0.1:${port}/${name}`
  const version = await prepare(url('postgres'), from === undefined)
  return {
    url: url(DATABASE),
    folder,
    version,
    async stop(keep) {
      await stop()
      if (keep !== 'keep') removeFolder(folder)
    },
  }
}

async function initialise(binaries: PostgresBinaries, folder: string): Promise<void> {
  if (binaries.user) await chown(folder, binaries.user.uid, binaries.user.gid)
  const options = ['--pgdata', folder, '--username', USER, '--auth', 'trust', '--encoding', 'UTF8', '--no-locale']
  await run(join(binaries.folder, 'initdb'), [...options, '--no-sync', '--no-instructions'], {
    ...binaries.user,
    cwd: folder,
  })
}

/** Makes the database, and answers the server's version. */
async function prepare(url: string, isNew: boolean): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    if (isNew) await client.query(`create database ${DATABASE}`)
    return String((await client.query('show server_version')).rows[0]?.server_version)
  } finally {
    await client.end()
  }
}

/** The server ends when its standard input closes, so it never outlives the benchmark, even when that is killed. */
const GUARD = 'exec 3<&0; "$@" & pid=$!; (cat <&3 >/dev/null; kill -INT $pid) 2>/dev/null & wait $pid'

/** Answers how to end it. */
async function serve(binaries: PostgresBinaries, folder: string, port: number): Promise<() => Promise<void>> {
  const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200']
  const command = [join(binaries.folder, 'postgres'), '-D', folder, ...settings.flatMap((one) => ['-c', one])]
  const child = spawn('/bin/sh', ['-c', GUARD, 'postgres', ...command], {
    ...binaries.user,
    cwd: folder,
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  })
  const exited = once(child, 'exit')
  const log: string[] = []
  const ready = new Promise<boolean>((resolve) => {
    createInterface(child.stderr).on('line', (line) => {
      log.push(line)
      if (line.includes('database system is ready to accept connections')) resolve(true)
    })
  })
  if (!(await Promise.race([ready, exited.then(() => false)])))
    throw new Error(`PostgreSQL did not start:\n${log.join('\n')}`)
  return async () => {
    child.stdin.end()
    await exited
  }
}
