import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configFor, type Planted, plant } from '../support/installation.ts'
import { type SmallDisk, smallDisk } from '../support/small-disk.ts'
import { login, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'

const probe = smallDisk(1)
probe?.remove()

describe.skipIf(probe === undefined)('a server whose disk is full', () => {
  let disk: SmallDisk
  let planted: Planted
  let server: SpawnedServer
  let headers: Record<string, string>
  beforeEach(async () => {
    disk = smallDisk(24) as SmallDisk
    planted = await plant(configFor(disk.path))
    await start()
  })
  afterEach(async () => {
    await server.kill9()
    disk.remove()
  })

  async function start(): Promise<void> {
    server = await spawnServer({ data: disk.path, args: ['--log', 'fatal'] })
    headers = { ...(await login(server.url)), 'godwit-organisation': 'acme' }
  }
  const api = (path: string, init: RequestInit = {}) =>
    fetch(`${server.url}/api/godwit/v1${path}`, { ...init, headers: { ...headers, ...init.headers } })
  const list = async (path: string): Promise<Array<Record<string, unknown>>> =>
    ((await (await api(path)).json()) as { items: Array<Record<string, unknown>> }).items
  const upload = (version: string, bytes: Buffer, form: boolean) => {
    const body = new FormData()
    body.set('file', new Blob([new Uint8Array(bytes)]), 'app.bin')
    return api(`/firmware?product=panel&version=${version}`, {
      method: 'POST',
      ...(form ? { body } : { headers: { 'content-type': 'application/octet-stream' }, body: new Uint8Array(bytes) }),
    })
  }
  const poll = async () => (await fetch(`${server.url}/v1/ota/device/latest/${planted.deviceId}`)).status

  it.each([false, true])('refuses an upload with 507 and keeps nothing of it (as a form: %s)', async (form) => {
    const refused = await upload('2.0.0', randomBytes(40 * 2 ** 20), form)
    expect(refused.status).toBe(507)
    expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    expect(await refused.json()).toMatchObject({ code: 'storage-full', status: 507 })
    expect(readdirSync(join(disk.path, 'tmp'))).toEqual([])
    expect(await blobsIn(disk.path)).toEqual([planted.sha256])
    expect((await list('/firmware')).map(({ version }) => version)).toEqual(['1.0.0'])
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
    expect((await upload('2.0.0', randomBytes(2 ** 20), form)).status).toBe(201)
  })

  it('refuses an upload that fits nowhere from its first byte on, and takes it when there is space', async () => {
    const bytes = randomBytes(2 ** 20)
    disk.fill()
    expect((await upload('2.0.0', bytes, false)).status).toBe(507)
    expect((await fetch(`${server.url}/readyz`)).status).toBe(503)
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
    disk.free()
    expect((await upload('2.0.0', bytes, false)).status).toBe(201)
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
    expect(readdirSync(join(disk.path, 'tmp'))).toEqual([])
  })

  it('answers polls, refuses changes that the log has no room for, and loses none that it acknowledged', async () => {
    const before = await poll()
    const outcomes = new Map<string, number>()
    const bulk = 'x'.repeat(200)
    const tags = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`tag${index}`, bulk]))
    const create = async (key: string) => {
      const body = JSON.stringify({ key, product: 'panel', tags })
      const reply = await api('/devices', { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      if (reply.status !== 201) expect(await reply.json()).toMatchObject({ code: 'storage-full' })
      outcomes.set(key, reply.status)
      return reply.status
    }
    for (let key = 0; key < 20; key += 1) await create(`early-${key}`)
    disk.fill()
    // The log's file has space of its own from earlier; sooner or later it must grow.
    for (let round = 0; refused(outcomes).length < 30; round += 1) {
      expect(round).toBeLessThan(500)
      await Promise.all(Array.from({ length: 8 }, (_, index) => create(`full-${round}-${index}`)))
    }
    expect(new Set(outcomes.values())).toEqual(new Set([201, 507]))
    expect(await poll()).toBe(before)
    expect((await api('/devices')).status).toBe(200)
    disk.free()
    expect(await create('late')).toBe(201)
    await server.kill9()
    await start()
    for (const [key, status] of outcomes) {
      const reply = await api(`/devices/${key}`)
      expect([key, reply.status]).toEqual([key, status === 201 ? 200 : 404])
    }
  })
})

function refused(outcomes: ReadonlyMap<string, number>): string[] {
  return [...outcomes].filter(([, status]) => status !== 201).map(([key]) => key)
}

async function blobsIn(data: string): Promise<string[]> {
  return readdirSync(join(data, 'blobs'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
}
