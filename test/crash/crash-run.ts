import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { collectBlobs } from '../../src/core/housekeeping.ts'
import { loadConfig } from '../../src/server/config/load-config.ts'
import { openCore } from '../../src/server/start-server.ts'
import { login, OWNER, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { type Connection, runClients } from './clients.ts'
import { Ledger } from './ledger.ts'
import { verifyLedger } from './verify.ts'

const DEPLOYED_DEVICES = 4
/** The server dies so long at the most after it has acknowledged a few calls of the round, ms. */
const KILL_WITHIN_MS = 700
const ACKNOWLEDGED_BEFORE_KILL = 8

/**
 * Kills the server with SIGKILL at random moments while 16 clients have calls in flight, restarts it and compares it with
 * what the clients know, `rounds` times; at the end nothing may be left that nothing refers to.
 */
export async function crashRun(rounds: number, env: Record<string, string> = {}): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), 'godwit-crash-'))
  const ledger = new Ledger()
  try {
    let server = await spawnServer({ data, args: ['--log', 'warn'], env })
    await prepare(server, ledger)
    for (let round = 0; round < rounds; round++) {
      const connection = await connect(server)
      const clients = runClients(connection, ledger)
      const before = ledger.acknowledged()
      while (ledger.acknowledged() < before + ACKNOWLEDGED_BEFORE_KILL) await sleep(5)
      await sleep(Math.random() * KILL_WITHIN_MS)
      connection.signal.over = true
      await server.kill9()
      await clients
      server = await spawnServer({ data, args: ['--log', 'warn'], env })
      await verifyLedger(await connect(server), ledger)
    }
    expect(await server.stop()).toBe(0)
    await expectNoOrphans(data, env)
    expect(ledger.acknowledged()).toBeGreaterThanOrEqual(rounds * ACKNOWLEDGED_BEFORE_KILL)
    expect(ledger.uploads.some((upload) => upload.state === 'stored')).toBe(true)
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
}

async function connect(server: SpawnedServer): Promise<Connection> {
  const reply = await fetch(`${server.url}/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(OWNER),
  })
  const { token } = (await reply.json()) as { token: string }
  return { url: server.url, headers: await login(server.url), jwt: token, signal: { over: false } }
}

async function prepare(server: SpawnedServer, ledger: Ledger): Promise<void> {
  const { headers, url } = await connect(server)
  const post = async (path: string, body: unknown) => {
    const reply = await fetch(`${url}/api/godwit/v1${path}`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(reply.status, await reply.clone().text()).toBe(201)
    return (await reply.json()) as { id: string }
  }
  await post('/products', { key: 'panel' })
  for (let index = 0; index < DEPLOYED_DEVICES; index++) {
    const token = `token0000${String(index).padStart(3, '0')}`
    const { id } = await post('/devices', { key: `board-${index}`, credentials: { iotaap: { token } } })
    ledger.deploys.push({ device: id, token, acknowledged: 0, sent: 0 })
  }
}

/** After a collection, every blob on disk belongs to an artifact, and no temporary file is left. */
async function expectNoOrphans(data: string, env: Record<string, string>): Promise<void> {
  const { core, storage } = await openCore(loadConfig({ cwd: data, env, flags: { data } }))
  try {
    await core.deps.blobs.sweep()
    while ((await collectBlobs(core.deps, core.deps.clock.now() + 1)) > 0);
    const used = new Set<string>()
    for (const organisation of await storage.management.organisations.list({ limit: 100 })) {
      const files = await storage.management.firmware.listFiles(
        { organisation: organisation.serial },
        { limit: 100_000 },
      )
      for (const file of files) used.add(file.artifact.sha256)
    }
    const stored: string[] = []
    for await (const sha256 of core.deps.blobs.list()) stored.push(sha256)
    expect(stored.filter((sha256) => !used.has(sha256))).toEqual([])
    expect([...used].filter((sha256) => !stored.includes(sha256))).toEqual([])
    expect(await core.deps.blobs.sweep()).toBe(0)
  } finally {
    await storage.close()
  }
}
