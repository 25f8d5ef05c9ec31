import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Core } from '../../src/core/create-core.ts'
import type { Scope } from '../../src/core/service.ts'
import { loadConfig } from '../../src/server/config/load-config.ts'
import { openCore } from '../../src/server/start-server.ts'
import { type CallReply, DeviceCalls } from '../support/device-calls.ts'
import { type NativeDevice, nativeFleet } from '../support/native-fleet.ts'
import { type PostgresServer, sharedPostgres, startPostgres } from '../support/postgres.ts'
import { login, ROOT, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { SseReader } from '../support/sse-reader.ts'

const DEVICES = 24
/** What an answer of another process may be behind, with room for a busy machine, ms. */
const SOON_MS = 5_000

const available = await sharedPostgres()

describe.skipIf(available.kind === 'none')('two server processes on one PostgreSQL', () => {
  const folder = mkdtempSync(join(tmpdir(), 'godwit-two-'))
  let postgres: PostgresServer
  let url: string
  /** A third process's view: where operators work. */
  let core: Core
  let scope: Scope
  let devices: NativeDevice[]
  let servers: SpawnedServer[] = []
  let calls: DeviceCalls[] = []

  beforeAll(async () => {
    const started = await startPostgres()
    if (started.kind === 'none') throw new Error(started.skip)
    postgres = started
    url = await postgres.createDatabase()
    const env = { GODWIT_DATABASE_URL: url, GODWIT_MASTER_KEY: Buffer.alloc(32, 1).toString('base64') }
    const [own = '', ...theirs] = ['core', 'a', 'b'].map((name) => join(folder, name))
    for (const data of [own, ...theirs]) {
      mkdirSync(data)
      writeFileSync(
        join(data, 'godwit.yaml'),
        'native: { callsPerMinute: 100000, wakeSpreadSeconds: 0 }\nlog: silent\n',
      )
    }
    const migrated = spawnSync(process.execPath, [join(ROOT, 'bin/godwit.cjs'), 'migrate', '--data', own], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    })
    expect(migrated.status, migrated.stderr).toBe(0)
    core = (await openCore(loadConfig({ cwd: folder, env, flags: { data: own } }))).core
    const fleet = await nativeFleet(core, DEVICES)
    scope = fleet.scope
    devices = fleet.devices
    for (const data of theirs) servers.push(await spawnServer({ data, env }))
    calls = servers.map((server) => new DeviceCalls(server.url, DEVICES))
  })
  afterAll(async () => {
    for (const each of calls) each.close()
    const codes = await Promise.all(servers.map((server) => server.stop()))
    servers = []
    await core.deps.storage.close()
    await postgres.stop()
    rmSync(folder, { recursive: true, force: true })
    expect(codes).toEqual([0, 0])
  })

  const device = (index: number): NativeDevice => devices[index] ?? { key: '', token: '' }
  const check = (node: number, index: number): Promise<CallReply> =>
    calls[node]?.check(device(index).token, { running: { main: '1.0.0' } }) ?? Promise.reject(new Error('no node'))
  const action = async (node: number, index: number): Promise<string> => (await check(node, index)).json.action

  /** How often facts of a device were read meanwhile, as PostgreSQL counts its looks into a table of them. */
  async function looks(work: () => Promise<void>): Promise<number> {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    const read = async () => {
      await sleep(1_500)
      const { rows } = await client.query(
        "select coalesce(sum(seq_scan + coalesce(idx_scan, 0)), 0)::int as scans from pg_stat_user_tables where relname = 'credentials'",
      )
      return rows[0].scans as number
    }
    try {
      const before = await read()
      await work()
      return (await read()) - before
    } finally {
      await client.end()
    }
  }

  it('answer what another process decided, whichever is asked', async () => {
    for (const node of [0, 1]) expect(await action(node, 0)).toBe('none')
    await core.assignments.assign(scope, { device: device(0).key }, { product: 'panel', version: '1.1.0' })
    for (const node of [0, 1])
      await expect.poll(() => action(node, 0), { interval: 20, timeout: SOON_MS }).toBe('update')
    const given = await core.deps.storage.read.updates.list({ organisation: scope.organisation }, { limit: 9 })
    expect(given).toHaveLength(1)
    await core.updates.cancel(scope, given[0]?.id ?? '')
    for (const node of [0, 1])
      await expect.poll(() => action(node, 0), { interval: 20, timeout: SOON_MS }).not.toBe('update')
  })

  it('look no device up for polls that change nothing', async () => {
    const poll = async () => {
      for (const node of [0, 1]) for (let index = 1; index < DEVICES; index += 1) await check(node, index)
    }
    await poll()
    expect(
      await looks(async () => {
        for (let round = 0; round < 20; round += 1) await poll()
      }),
    ).toBeLessThan(DEVICES)
  })

  it('wake a device that waits on one when the other decides', async () => {
    const { token, key } = device(1)
    const headers = { authorization: `Bearer ${token}` }
    const waiting = fetch(`${servers[1]?.url}/device/v1/wait?timeout=20`, { headers }).then((reply) => reply.json())
    await sleep(300)
    const begun = performance.now()
    await core.assignments.assign(scope, { device: key }, { product: 'panel', version: '1.1.0' })
    expect(await waiting).toEqual({ changed: true })
    expect(performance.now() - begun).toBeLessThan(SOON_MS)
  })

  it('stream events that the other records', async () => {
    const headers = await login(servers[1]?.url ?? '')
    const stream = await SseReader.open(`${servers[1]?.url}/api/godwit/v1/events/stream?organisation=acme`, headers)
    await core.assignments.assign(scope, { device: device(2).key }, { product: 'panel', version: '1.1.0' })
    const begun = performance.now()
    await stream.until(({ messages }) => messages.some(({ type }) => type === 'assignment.made'))
    expect(performance.now() - begun).toBeLessThan(SOON_MS)
    await stream.close()
  })

  it.each([
    ['restarts', () => postgres.restart()],
    ['is killed with -9', () => postgres.crash()],
  ])(
    'recover by themselves when PostgreSQL %s under load, and lose nothing that they acknowledged',
    async (how, end) => {
      const acknowledged = new Map<string, number>()
      const attempted = new Map<string, number>()
      const refusals: CallReply[] = []
      const major = how === 'restarts' ? 2 : 3
      let isOver = false
      async function live({ key, token }: NativeDevice, node: number): Promise<void> {
        for (let version = 1; !isOver; version += 1) {
          attempted.set(key, version)
          const running = { main: `${major}.0.${version}` }
          const reply =
            version % 2 === 0
              ? await calls[node]?.check(token, { running })
              : await calls[node]?.report(token, [
                  { id: `r${major}-${version}`, update: '0'.repeat(24), state: 'failed', running },
                ])
          if (reply?.status === 200) acknowledged.set(key, version)
          else if (reply) refusals.push(reply)
          await sleep(20)
        }
      }
      const living = devices.slice(3).map((each, index) => live(each, index % 2))
      await sleep(1_000)
      await end()
      const before = new Map(acknowledged)
      const allGoOn = () => devices.slice(3).every(({ key }) => (acknowledged.get(key) ?? 0) > (before.get(key) ?? 0))
      await expect.poll(allGoOn, { interval: 50, timeout: 20_000 }).toBe(true)
      isOver = true
      await Promise.all(living)
      expect(refusals.length, 'calls while it was away').toBeGreaterThan(0)
      for (const { status, json } of refusals)
        expect([status, json], JSON.stringify(json)).toEqual([
          503,
          expect.objectContaining({ code: 'unavailable', retryAfter: 5, detail: expect.stringMatching(/stored/) }),
        ])
      for (const { key } of devices.slice(3)) {
        const { serial } = await core.devices.get(scope.organisation, key)
        const [row] = await core.deps.storage.read.running.listByDevice(serial)
        const [first, , stored] = (row?.version ?? '').split('.').map(Number)
        expect(first, key).toBe(major)
        expect(stored, key).toBeGreaterThanOrEqual(acknowledged.get(key) ?? 0)
        expect(stored, key).toBeLessThanOrEqual(attempted.get(key) ?? 0)
      }
      // Its device was given 1.1.0 before, and runs 1.0.0.
      const [version, isNews] = how === 'restarts' ? ['1.0.0', false] : ['1.1.0', true]
      await core.assignments.assign(scope, { device: device(1).key }, { product: 'panel', version })
      const isTold = async () => (await action(0, 1)) === 'update'
      await expect.poll(isTold, { interval: 50, timeout: 2 * SOON_MS }).toBe(isNews)
    },
  )
})
