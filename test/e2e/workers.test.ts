import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sharedPostgres } from '../support/postgres.ts'
import { GODWIT, login, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { SECOND_CERTIFICATE, TEST_CERTIFICATE } from '../support/test-certificate.ts'

const WORKERS = 3
const SOON = { timeout: 20_000, interval: 100 }
const folder = await temporaryFolder()
const postgres = await sharedPostgres()
afterAll(() => folder.remove())

const MASTER_KEY = Buffer.alloc(32, 1).toString('base64')
const run = (args: readonly string[], env: Record<string, string> = {}) =>
  spawnSync(process.execPath, [GODWIT, ...args], { env: { ...process.env, ...env }, encoding: 'utf8', timeout: 60_000 })

it('workers on SQLite are refused in words, as wrong usage', () => {
  const { status, stderr } = run(['serve', '--workers', '2', '--data', join(folder.path, 'sqlite')])
  expect([status, stderr]).toEqual([2, expect.stringContaining('Several workers need PostgreSQL')])
})

describe.skipIf(postgres.kind === 'none')(`a server of ${WORKERS} workers on PostgreSQL`, () => {
  let server: SpawnedServer
  let env: Record<string, string>
  const tls = { cert: join(folder.path, 'cert.pem'), key: join(folder.path, 'key.pem') }
  const dataOf = (name: string) => join(folder.path, name)

  beforeAll(async () => {
    if (postgres.kind === 'none') throw new Error(postgres.skip)
    env = { GODWIT_DATABASE_URL: await postgres.createDatabase(), GODWIT_MASTER_KEY: MASTER_KEY }
    const migrated = run(['migrate', '--data', dataOf('m')], env)
    expect(migrated.status, migrated.stderr).toBe(0)
    mkdirSync(dataOf('w'))
    writeFileSync(tls.cert, TEST_CERTIFICATE.cert)
    writeFileSync(tls.key, TEST_CERTIFICATE.key)
    server = await spawnServer({ data: dataOf('w'), args: ['--workers', String(WORKERS)], env })
  })
  afterAll(() => server?.stop())

  const workers = () => childrenOf(server.pid)
  // A connection for each call, so that all workers get some.
  const get = (path: string, headers = {}) => fetch(server.url + path, { headers: { connection: 'close', ...headers } })
  const metric = async (name: string) => {
    const line = (await (await get('/metrics')).text()).split('\n').find((one) => one.startsWith(`${name} `))
    return Number(line?.split(' ').at(-1))
  }

  it('is ready once all of them are', async () => {
    expect(JSON.parse(server.stdout())).toEqual({ ready: true, url: server.url, pid: server.pid, workers: WORKERS })
    expect(workers()).toHaveLength(WORKERS)
    const ready = await get('/readyz')
    expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready', workers: '3 of 3' }])
  })

  it('counts what all of them did, and does at each what another was told', async () => {
    const name = 'godwit_http_requests_total{protocol="godwit",status="200"}'
    const before = await metric(name)
    for (let call = 0; call < 30; call += 1) expect((await get('/healthz')).status).toBe(200)
    expect((await metric(name)) - before).toBeGreaterThanOrEqual(30)
    expect(await metric('godwit_workers')).toBe(WORKERS)
    const account = await login(server.url)
    for (let call = 0; call < 2 * WORKERS; call += 1)
      expect((await get('/api/godwit/v1/groups', account)).status).toBe(200)
  })

  it('goes on when one is killed, and starts another', async () => {
    const [victim = 0] = workers()
    const restarts = await metric('godwit_worker_restarts_total')
    process.kill(victim, 'SIGKILL')
    await expect.poll(() => metric('godwit_worker_restarts_total'), SOON).toBe(restarts + 1)
    await expect.poll(() => metric('godwit_workers'), SOON).toBe(WORKERS)
    expect(workers()).toHaveLength(WORKERS)
    expect(workers()).not.toContain(victim)
    expect(server.stderr()).toContain(`worker ${victim} ended with SIGKILL`)
    expect((await get('/readyz')).status).toBe(200)
  })

  it('drains all of them when it is told to stop', async () => {
    const all = workers()
    expect(await server.stop()).toBe(0)
    for (const pid of all) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })

  it('resumes a TLS session at every worker, and takes a new certificate on SIGHUP at all', async () => {
    const args = ['--workers', String(WORKERS), '--tls-cert', tls.cert, '--tls-key', tls.key]
    server = await spawnServer({ data: dataOf('w'), args, env })
    const session = await sessionAt(server.url)
    const resumed = await Promise.all(Array.from({ length: 2 * WORKERS }, () => isResumed(server.url, session)))
    expect(resumed).toEqual(Array(2 * WORKERS).fill(true))
    writeFileSync(tls.cert, SECOND_CERTIFICATE.cert)
    writeFileSync(tls.key, SECOND_CERTIFICATE.key)
    process.kill(server.pid, 'SIGHUP')
    const seen = () => Promise.all(Array.from({ length: 2 * WORKERS }, () => subjectAt(server.url)))
    await expect.poll(async () => new Set(await seen()), SOON).toEqual(new Set(['CN=godwit second']))
    expect(await server.stop()).toBe(0)
  })

  it('gives up with exit code 3 when its workers fail at their start', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const args = [GODWIT, 'serve', '--workers', '2', '--data', dataOf('w'), '--port', String(port)]
    const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    let stderr = ''
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    const [code] = await once(child, 'exit')
    taken.close()
    expect(code, stderr).toBe(3)
    expect(stderr).toContain('workers end as soon as they are started')
    expect(stderr).toContain('EADDRINUSE')
  })
})

/** Linux tells them. */
function childrenOf(pid: number): number[] {
  const list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return list
    .split(' ')
    .filter((one) => one.trim() !== '')
    .map(Number)
}

function sessionAt(url: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', rejectUnauthorized: false })
    socket.once('session', (session) => {
      socket.destroy()
      resolve(session)
    })
    socket.once('error', reject)
  })
}

function subjectAt(url: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const options = { port: Number(new URL(url).port), host: '127.0.0.1', rejectUnauthorized: false }
    const socket = connect(options, () => {
      resolve(socket.getPeerX509Certificate()?.subject)
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

function isResumed(url: string, session: Buffer): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const options = { port: Number(new URL(url).port), host: '127.0.0.1', rejectUnauthorized: false, session }
    const socket = connect(options, () => {
      resolve(socket.isSessionReused())
      socket.destroy()
    })
    socket.once('error', reject)
  })
}
