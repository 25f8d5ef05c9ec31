import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { sharedPostgres } from '../../../test/support/postgres.ts'
import type { Change, ChangeOrigin, Storage } from '../../core/ports.ts'
import { openSqlStorage } from './open-storage.ts'
import type { PostgresOptions } from './postgres-storage.ts'

const postgres = await sharedPostgres()
const ANYTHING: Change = { kind: 'fleet', organisation: null }

/** A storage as another process has it, with all that it was told. */
class Node {
  readonly storage: Storage
  readonly heard: Array<readonly [ChangeOrigin, Change]> = []

  private constructor(storage: Storage) {
    this.storage = storage
    storage.onChange((changes, origin) => this.heard.push(...changes.map((change) => [origin, change] as const)))
  }

  static async open(url: string, options: Partial<PostgresOptions> = {}): Promise<Node> {
    return new Node(await openSqlStorage({ kind: 'postgres', url, poolSize: 3, ...options }))
  }

  /** Any transaction that changes something of the whole server. */
  set(name: string): Promise<void> {
    return this.storage.transaction((stores) => stores.settings.set(name, 'x'))
  }

  get isCurrent(): boolean {
    return this.storage.invalidation.isCurrent()
  }

  hears(...expected: Array<readonly [ChangeOrigin, Change]>): Promise<void> {
    return expect.poll(() => this.heard, { interval: 5, timeout: 5_000 }).toEqual(expected)
  }
}

describe.skipIf(postgres.kind === 'none')('what processes on one PostgreSQL tell each other', () => {
  let template: string
  let url: string
  const open: Array<() => Promise<unknown>> = []
  beforeAll(async () => {
    if (postgres.kind === 'none') throw new Error(postgres.skip)
    template = await postgres.createDatabase()
    await (await openSqlStorage({ kind: 'postgres', url: template, migrate: true })).close()
  })
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close()
  })

  async function nodes(options: Partial<PostgresOptions> = {}): Promise<[Node, Node]> {
    if (postgres.kind === 'none') throw new Error(postgres.skip)
    url = await postgres.createDatabase(template)
    return [await node(options), await node(options)]
  }
  async function node(options: Partial<PostgresOptions> = {}, at = url): Promise<Node> {
    const opened = await Node.open(at, options)
    open.push(() => opened.storage.close())
    return opened
  }
  async function hand(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    await client.connect()
    open.push(() => client.end())
    return client
  }
  const terminate = (client: pg.Client, application: string) =>
    client.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and datname = current_database()',
      [application],
    )

  it('is what the other committed, once, and of its own each at once', async () => {
    const [a, b] = await nodes()
    expect([a.isCurrent, b.isCurrent]).toEqual([true, true])
    await a.storage.transaction((stores) => stores.settings.set('one', 'x'))
    expect(a.heard).toEqual([['own', ANYTHING]])
    await b.hears(['other', ANYTHING])
    await a.storage.transaction((stores) => stores.settings.get('one'))
    await b.storage
      .transaction(async (stores) => {
        await stores.settings.set('two', 'x')
        throw new Error('no')
      })
      .catch(() => undefined)
    await b.set('three')
    await a.hears(['own', ANYTHING], ['other', ANYTHING])
    await b.hears(['other', ANYTHING], ['own', ANYTHING])
  })

  it('comes by notification, long before the next reading is due', async () => {
    const [a, b] = await nodes({ changePollMs: 60_000, changeTrustMs: 120_000 })
    for (let round = 1; round <= 5; round += 1) {
      await a.set(`n${round}`)
      await expect.poll(() => b.heard.length, { interval: 5, timeout: 5_000 }).toBe(round)
    }
  })

  it('comes without notification by the next reading', async () => {
    const [, b] = await nodes()
    const client = await hand()
    await client.query(`insert into changes (origin, what) values ('hand', 'd7')`)
    await b.hears(['other', { kind: 'device', device: 7 }])
  })

  it('is not lost when a transaction that numbered its row first ends last', async () => {
    const [, b] = await nodes()
    const [slow, fast, failing] = [await hand(), await hand(), await hand()]
    await slow.query(`begin; insert into changes (origin, what) values ('hand', 'd1')`)
    await failing.query(`begin; insert into changes (origin, what) values ('hand', 'd2')`)
    await fast.query(`insert into changes (origin, what) values ('hand', 'd3')`)
    await b.hears(['other', { kind: 'device', device: 3 }])
    await failing.query('rollback')
    // Many readings later.
    await sleep(700)
    expect(b.isCurrent).toBe(true)
    await slow.query('commit')
    await b.hears(['other', { kind: 'device', device: 3 }], ['other', { kind: 'device', device: 1 }])
  })

  it('is everything that may have been missed, for one that comes while another commits', async () => {
    const [a] = await nodes()
    const slow = await hand()
    await slow.query(`begin; insert into changes (origin, what) values ('hand', 'd1')`)
    await a.set('later')
    // It does not know of the slow one's number, and must not believe what it reads before that has ended.
    let isOpen = false
    const opening = node().finally(() => {
      isOpen = true
    })
    await sleep(400)
    expect(isOpen).toBe(false)
    await slow.query('commit')
    const late = await opening
    expect(late.isCurrent).toBe(true)
  })

  it('nobody believes a memory while the listening connection is away, and all is forgotten when it is back', async () => {
    const [a, b] = await nodes({ changeTrustMs: 1_000 })
    const client = await hand()
    for (let round = 0; round < 3; round += 1) {
      b.heard.length = 0
      await terminate(client, 'godwit-changes')
      await expect.poll(() => b.isCurrent, { interval: 1, timeout: 1_000 }).toBe(false)
      await a.set(`missed-${round}`)
      await expect.poll(() => b.isCurrent, { interval: 5, timeout: 5_000 }).toBe(true)
      expect(b.heard).toContainEqual(['other', ANYTHING])
    }
  })

  it('nobody believes a memory when readings stall for longer than the bound', async () => {
    const [, b] = await nodes({ changeTrustMs: 600 })
    const client = await hand()
    await client.query('begin; lock table changes in access exclusive mode')
    await sleep(600)
    expect(b.isCurrent).toBe(false)
    await client.query('commit')
    await expect.poll(() => b.isCurrent, { interval: 5, timeout: 5_000 }).toBe(true)
  })

  it('rows that were pruned before they were read are made up for', async () => {
    const [, b] = await nodes()
    const client = await hand()
    await client.query(`begin; insert into changes (origin, what) values ('hand', 'd1'), ('hand', 'd2');
      delete from changes where what <> 'd2'; commit`)
    await expect.poll(() => b.heard, { interval: 5, timeout: 5_000 }).toContainEqual(['other', ANYTHING])
    await expect.poll(() => b.isCurrent, { interval: 5, timeout: 5_000 }).toBe(true)
  })

  it('rows are pruned by age, but the newest one', async () => {
    const [a] = await nodes()
    const client = await hand()
    await client.query(
      `insert into changes (origin, what, at) select 'old', '', now() - interval '1 hour' from generate_series(1, 20)`,
    )
    await node()
    await a.set('new')
    const { rows } = await client.query(`select count(*)::int as old from changes where origin = 'old'`)
    expect(rows).toEqual([{ old: 0 }])
  })

  it('a commit whose answer is lost is told to its own process as well', async () => {
    const [a] = await nodes()
    const proxy = await cuttingProxy(new URL(url))
    open.push(() => proxy.close())
    const cut = await node({}, proxy.url)
    await cut.set('before')
    cut.heard.length = 0
    proxy.cutAtCommit()
    await expect(cut.set('cut')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('whether it was stored is not known'),
      details: { retryAfterSeconds: 5 },
    })
    expect(cut.heard[0]).toEqual(['own', ANYTHING])
    await cut.hears(['own', ANYTHING], ['other', ANYTHING])
    expect(await cut.storage.read.settings.get('cut')).toBe('x')
    expect(a.heard).toContainEqual(['other', ANYTHING])
  })

  it('a transaction whose connection breaks is absent, and the answer says so', async () => {
    const [a] = await nodes()
    const client = await hand()
    const broken = a.storage.transaction(async (stores) => {
      await stores.settings.set('half', 'x')
      await terminate(client, 'godwit')
      await stores.settings.set('other half', 'x')
    })
    await expect(broken).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('nothing was stored'),
    })
    expect(await a.storage.read.settings.get('half')).toBeUndefined()
    expect(await a.storage.read.settings.get('other half')).toBeUndefined()
  })
})

/** Passes everything on, until it is told to cut the next commit: the server gets it, and the client no answer. */
async function cuttingProxy(target: URL): Promise<{ url: string; cutAtCommit(): void; close(): Promise<void> }> {
  let cuts = false
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
    }
    let isCut = false
    client.on('data', (chunk) => {
      upstream.write(chunk)
      if (!cuts || !chunk.includes('; commit')) return
      cuts = false
      isCut = true
      client.destroy()
    })
    client.on('close', () => {
      // What was sent is still carried out.
      if (!isCut) upstream.destroy()
    })
    upstream.on('data', (chunk) => {
      if (!isCut) client.write(chunk)
    })
    upstream.on('close', () => client.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const url = new URL(target)
  url.port = String(address.port)
  return {
    url: url.href,
    cutAtCommit: () => {
      cuts = true
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
