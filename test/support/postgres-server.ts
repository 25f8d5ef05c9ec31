import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { freePort } from './free-port.ts'
import { findPostgres, type PostgresBinaries } from './postgres-binaries.ts'
import { temporaryFolder } from './temporary-folder.ts'

const USER = 'postgres'
const START_ATTEMPTS = 3
const CRASH_ATTEMPTS = 100

export interface PostgresServer {
  readonly kind: 'running'
  /** Also of a database that does not exist (yet). */
  url(databaseName: string): string
  /** Makes a database and returns its URL: empty, or a copy of one that nobody is connected to. */
  createDatabase(copyOf?: string): Promise<string>
  /** Breaks all connections and comes back on the same port with what was committed. */
  restart(): Promise<void>
  /** As `restart`, but killed with SIGKILL: it comes back by recovering from its log. */
  crash(): Promise<void>
  /** Ends the server and removes its data. */
  stop(): Promise<void>
}

/**
 * A PostgreSQL server of this test alone: loopback, a free port, durable (`fsync`), data in a temporary folder.
 * `skip` says why this machine cannot run one.
 */
export async function startPostgres(): Promise<PostgresServer | { readonly kind: 'none'; readonly skip: string }> {
  const binaries = findPostgres()
  if ('skip' in binaries) return { kind: 'none', skip: binaries.skip }
  const folder = await temporaryFolder()
  try {
    if (binaries.user) await chown(folder.path, binaries.user.uid, binaries.user.gid)
    await initialise(binaries, folder.path)
    return await serve(binaries, folder)
  } catch (error) {
    await folder.remove()
    throw error
  }
}

async function initialise(binaries: PostgresBinaries, data: string): Promise<void> {
  const options = ['--pgdata', data, '--username', USER, '--auth', 'trust', '--encoding', 'UTF8', '--no-locale']
  await promisify(execFile)(join(binaries.folder, 'initdb'), [...options, '--no-sync', '--no-instructions'], {
    ...binaries.user,
    cwd: data,
  })
}

async function serve(
  binaries: PostgresBinaries,
  folder: { readonly path: string; remove(): Promise<void> },
): Promise<PostgresServer> {
  let { port, running } = await startSomewhere(binaries, folder.path)
  let created = 0
  const url = (databaseName: string) => `postgres://${USER}@127.0.0.1:${port}/${databaseName}`
  return {
    kind: 'running',
    url,
    async createDatabase(copyOf) {
      created += 1
      const name = `test_${process.pid}_${created}`
      const client = new pg.Client({ connectionString: url('postgres') })
      await client.connect()
      try {
        const template = copyOf === undefined ? 'template1' : new URL(copyOf).pathname.slice(1)
        await client.query(`create database ${name} template ${template}`)
      } finally {
        await client.end()
      }
      return url(name)
    },
    async restart() {
      await running.end()
      running = await startOn(port, binaries, folder.path)
    },
    async crash() {
      await running.kill9()
      running = await startAgain(port, binaries, folder.path)
    },
    async stop() {
      await running.end()
      await folder.remove()
    },
  }
}

interface Running {
  end(): Promise<void>
  kill9(): Promise<void>
}

/** Between finding a free port and using it somebody else may take it. */
async function startSomewhere(binaries: PostgresBinaries, data: string): Promise<{ port: number; running: Running }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort()
    try {
      return { port, running: await startOn(port, binaries, data) }
    } catch (error) {
      if (attempt === START_ATTEMPTS) throw error
    }
  }
}

/** Processes of a server that was killed hold its memory until they notice; nothing starts before. */
async function startAgain(port: number, binaries: PostgresBinaries, data: string): Promise<Running> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOn(port, binaries, data)
    } catch (error) {
      if (attempt === CRASH_ATTEMPTS || !String(error).includes('still in use')) throw error
      await sleep(50)
    }
  }
}

/**
 * The server ends by a fast shutdown when its standard input closes, so it never outlives the tests, even when they are
 * killed.
 */
const GUARD = 'exec 3<&0; "$@" & pid=$!; (cat <&3 >/dev/null; kill -INT $pid) 2>/dev/null & wait $pid'

async function startOn(port: number, binaries: PostgresBinaries, data: string): Promise<Running> {
  const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200']
  const server = [join(binaries.folder, 'postgres'), '-D', data, ...settings.flatMap((setting) => ['-c', setting])]
  const child = spawn('/bin/sh', ['-c', GUARD, 'postgres', ...server], {
    ...binaries.user,
    cwd: data,
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  })
  const exited = once(child, 'exit')
  const log: string[] = []
  const ready = new Promise<void>((resolve) => {
    createInterface(child.stderr).on('line', (line) => {
      log.push(line)
      if (line.includes('database system is ready to accept connections')) resolve()
    })
  })
  const isReady = await Promise.race([ready.then(() => true), exited.then(() => false)])
  if (!isReady) throw new Error(`PostgreSQL did not start:\n${log.join('\n')}`)
  return {
    async end() {
      child.stdin.end()
      await exited
    },
    async kill9() {
      const [pid] = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')
      process.kill(Number(pid), 'SIGKILL')
      await exited
    },
  }
}
