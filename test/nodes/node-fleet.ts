import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { expect, vi } from 'vitest'
import { JOB_NAMES } from '../../src/server/background-jobs.ts'
import { login, ROOT, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'

/** The longest that jobs may stand still when the process that does them falls silent: its lease, a look, and slack. */
export function takeoverMs(leaseSeconds: number): number {
  return leaseSeconds * 1000 + 1_000 + 4_000
}

interface Delivery {
  readonly id: string
  readonly key: string
}

/** Server processes on one PostgreSQL, a receiver of their webhook, and a look into the database. */
export class NodeFleet {
  readonly jobs = JOB_NAMES.length + 1
  /** Runs before the receiver answers. */
  onDelivery: (key: string) => Promise<void> = async () => undefined
  readonly #folder = mkdtempSync(join(tmpdir(), 'godwit-nodes-'))
  readonly #env: Record<string, string>
  readonly #leaseSeconds: number
  readonly #database: pg.Pool
  readonly #servers = new Map<string, SpawnedServer>()
  readonly #deliveries: Delivery[] = []
  readonly #receiver = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { id, details } = JSON.parse(body)
    this.#deliveries.push({ id, key: details.key })
    await this.onDelivery(details.key)
    response.writeHead(204).end()
  })

  private constructor(databaseUrl: string, leaseSeconds: number) {
    this.#env = { GODWIT_DATABASE_URL: databaseUrl, GODWIT_MASTER_KEY: Buffer.alloc(32, 1).toString('base64') }
    this.#leaseSeconds = leaseSeconds
    this.#database = new pg.Pool({ connectionString: databaseUrl, max: 1 })
  }

  static async open(databaseUrl: string, leaseSeconds: number): Promise<NodeFleet> {
    const fleet = new NodeFleet(databaseUrl, leaseSeconds)
    fleet.#receiver.listen(0, '127.0.0.1')
    await once(fleet.#receiver, 'listening')
    const migrated = spawnSync(
      process.execPath,
      [join(ROOT, 'bin/godwit.cjs'), 'migrate', '--data', fleet.#dataOf('m')],
      { env: { ...process.env, ...fleet.#env }, encoding: 'utf8' },
    )
    expect(migrated.status, migrated.stderr).toBe(0)
    return fleet
  }

  async start(name: string): Promise<void> {
    this.#servers.set(name, await spawnServer({ data: this.#dataOf(name), env: this.#env }))
  }

  pid(name: string): number {
    return this.#server(name).pid
  }

  log(name: string): string {
    return this.#server(name).stderr()
  }

  signal(name: string, signal: NodeJS.Signals): void {
    process.kill(this.pid(name), signal)
  }

  kill9(name: string): Promise<void> {
    const server = this.#server(name)
    this.#servers.delete(name)
    return server.kill9()
  }

  terminate(name: string): Promise<number | null> {
    const server = this.#server(name)
    this.#servers.delete(name)
    return server.stop()
  }

  /** The receiver is told of new groups. */
  async subscribe(name: string): Promise<void> {
    const { port } = this.#receiver.address() as AddressInfo
    await this.#post(name, 'webhooks', { url: `http://127.0.0.1:${port}/`, types: ['group.created'] })
  }

  createGroup(name: string, key: string): Promise<void> {
    return this.#post(name, 'groups', { key })
  }

  /** What the receiver was sent, in order. */
  get taken(): string[] {
    return this.#deliveries.map(({ key }) => key)
  }

  idsOf(key: string): string[] {
    return this.#deliveries.filter((one) => one.key === key).map(({ id }) => id)
  }

  /** The process that holds each lease that lasts. */
  async holders(): Promise<Map<string, number>> {
    const { rows } = await this.#database.query(
      `select leases.name, nodes.pid from leases join nodes on nodes.id = leases.holder
        where expires_at > extract(epoch from clock_timestamp()) * 1000 order by leases.name`,
    )
    return new Map(rows.map(({ name, pid }) => [name, Number(pid)]))
  }

  /** Whether it is written that all events so far were taken: what dies now has nothing to repeat. */
  async isWritten(): Promise<boolean> {
    const { rows } = await this.#database.query(
      `select coalesce(max(serial), 0) <= (select min(position) from webhook_progress) as is_written
        from events where type = 'group.created'`,
    )
    return rows[0]?.is_written === true
  }

  until(condition: () => Promise<boolean>, timeout = 15_000): Promise<void> {
    return vi.waitFor(async () => expect(await condition()).toBe(true), { timeout, interval: 50 })
  }

  async stop(): Promise<void> {
    for (const server of this.#servers.values()) await server.kill9()
    this.#receiver.closeAllConnections()
    this.#receiver.close()
    await this.#database.end()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #post(name: string, collection: string, body: object): Promise<void> {
    const { url } = this.#server(name)
    const reply = await fetch(`${url}/api/godwit/v1/${collection}`, {
      method: 'POST',
      headers: { ...(await login(url)), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(reply.status, await reply.text()).toBe(201)
  }

  #server(name: string): SpawnedServer {
    const server = this.#servers.get(name)
    if (!server) throw new Error(`${name} does not run`)
    return server
  }

  #dataOf(name: string): string {
    const data = join(this.#folder, name)
    mkdirSync(data, { recursive: true })
    const settings = `webhooks: { allowPrivate: true }\nlimits: { jobLeaseSeconds: ${this.#leaseSeconds} }\n`
    writeFileSync(join(data, 'godwit.yaml'), settings)
    return data
  }
}
