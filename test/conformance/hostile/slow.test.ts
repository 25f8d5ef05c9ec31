import { readdirSync, readlinkSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { RawClient } from '../../support/raw-client.ts'
import { bytesOf } from '../../support/test-core.ts'
import { expectRefusal, Victim } from './victim.ts'

const LIMITS = {
  headerTimeoutMs: 400,
  bodyIdleTimeoutMs: 800,
  downloadIdleTimeoutMs: 400,
  keepAliveTimeoutMs: 400,
  bodyProgressBytes: 64,
  bodyProgressMs: 600,
} as const

let victim: Victim
beforeAll(async () => {
  victim = await Victim.start({ http: LIMITS })
})
afterAll(() => victim.close())
afterEach(() => victim.expectUnharmed())

/** Writes a byte at a time until the other side ends the connection; resolves with what it said. */
async function drip(text: string, everyMs: number): Promise<string> {
  const client = await RawClient.connect(victim.port)
  let at = 0
  const timer = setInterval(() => client.socket.write(text[at++ % text.length] ?? ''), everyMs)
  const said = await client.end()
  clearInterval(timer)
  client.close()
  return said.toString('latin1')
}

describe('slow clients', () => {
  it.each([
    ['a head that comes byte by byte', `GET /healthz HTTP/1.1\r\nHost: test\r\n${'x-more: y\r\n'.repeat(1_000)}`],
    ['a target that comes byte by byte', `GET /${'a'.repeat(10_000)}`],
    ['a method that comes byte by byte', 'GET '.padEnd(1_000, 'x')],
  ])('%s: 408 within the limit', async (_name, text) => {
    const began = performance.now()
    expect(await drip(text, 40)).toMatch(/^(HTTP\/1\.1 408 Request Timeout|HTTP\/1\.1 400 Bad Request)\r\n/)
    expect(performance.now() - began).toBeLessThan(5_000)
  })

  it('nothing at all ends the connection', async () => {
    const { answers, ended } = await victim.attack([])
    expect(ended).toBe('closed')
    for (const answer of answers) expect(answer.status).toBe(408)
  })

  it.each([
    ['/login', 'application/json', '{"user'],
    ['/v1/auth/login', 'application/json', '{"user'],
    ['/v1/auth/login', 'application/x-www-form-urlencoded', 'email=a'],
    ['/api/godwit/v1/login', 'application/json', '{"user'],
    ['/apim-token-service/v2.0/token/get', 'application/json', '{"appKey'],
    ['/auth/pk/dk', 'application/json', '{"sign'],
  ])('%s: a stalled body of %s is given up', async (path, type, part) => {
    const head = [`POST ${path} HTTP/1.1`, 'Host: test', `Content-Type: ${type}`, 'Content-Length: 500', '', part]
    const { answers, ended } = await victim.attack(head.join('\r\n'))
    expect(ended).not.toBe('open')
    for (const answer of answers) expectRefusal(answer, path)
  })

  it('an idle connection is closed', async () => {
    const { answers, ended } = await victim.attack('GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n')
    expect(ended).toBe('closed')
    expect(answers.map((answer) => answer.status)).toEqual([200])
  })
})

describe('a body that drips', () => {
  const json = (path: string): readonly string[] => [`POST ${path} HTTP/1.1`, 'Content-Type: application/json']
  const STARTS: ReadonlyArray<readonly [path: string, head: () => readonly string[]]> = [
    ...[
      ...['/login', '/v1/auth/login', '/api/godwit/v1/login', '/device/v1/check'],
      ...['/apim-token-service/v2.0/token/get', '/auth/pk/dk'],
    ].map((path) => [path, () => json(path)] as const),
    [
      '/api/godwit/v1/firmware',
      () => [
        `POST /api/godwit/v1/firmware?product=${victim.tenant.product.key}&version=9.9.9 HTTP/1.1`,
        `Authorization: Bearer ${victim.tenant.bearer}`,
        'Content-Type: application/octet-stream',
      ],
    ],
    [
      '/api/godwit/v1/firmware',
      () => [
        'POST /api/godwit/v1/firmware HTTP/1.1',
        `Authorization: Bearer ${victim.tenant.bearer}`,
        'Content-Type: multipart/form-data; boundary=-',
      ],
    ],
  ]

  it.each(STARTS)('%s: is refused in the words of its protocol, and nothing stays', async (path, head) => {
    const client = await RawClient.connect(victim.port)
    client.send([...head(), 'Host: test', 'Content-Length: 5000'])
    const timer = setInterval(() => client.socket.destroyed || client.socket.write('-'), 40)
    const said = await client.answer()
    clearInterval(timer)
    expect(said.headers.get('connection')).toBe('close')
    expectRefusal({ ...said, body: said.body.toString() }, path)
    expect(said.body.toString()).toMatch(/Fewer than 64 bytes came|[Ss]low/)
    await client.end()
  })
})

describe('a client that never reads its download', () => {
  /** More than the buffers of a connection take. */
  const SIZE = 24 * 2 ** 20
  let paths: Readonly<Record<string, string>>
  let sha256: string

  beforeAll(async () => {
    const { tenant, world } = victim
    const { core } = world.server
    const stage = () => core.deps.blobs.stage(bytesOf(Buffer.alloc(SIZE, 7)), { maxBytes: SIZE })
    const target = { product: tenant.product.serial, module: tenant.modules[0]?.serial ?? null }
    const input = { ...target, version: 'large', fileName: 'large.bin', active: true }
    const { firmware, artifact } = await core.firmware.create(tenant.scope, input, await stage())
    const { iotaap } = tenant.devices
    const deploy = { target: { device: iotaap.serial }, version: 'large', fileName: 'firmware.bin' }
    await core.deploys.deploy(tenant.scope, deploy, await stage())
    sha256 = artifact.sha256
    paths = {
      'management API': `/api/godwit/v1/firmware/${firmware.id}/file`,
      'Spoke.Zone': `/api/v2/ota-files/${firmware.serial}/file`,
      IoTaaP: `/v1/ota/device/download/${iotaap.id}${tenant.secrets.iotaap}`,
    }
  })

  it.each(['management API', 'Spoke.Zone', 'IoTaaP'])('is cut by %s, and its file is closed', async (name) => {
    const { bearer, zoneToken } = victim.tenant
    const client = await RawClient.connect(victim.port)
    client.socket.pause()
    const credentials = [`Authorization: Bearer ${bearer}`, `x-access-token: ${zoneToken}`]
    client.send([`GET ${paths[name]} HTTP/1.1`, 'Host: test', ...credentials])
    await vi.waitFor(() => expect(openFiles(sha256)).toBe(1))
    await vi.waitFor(() => expect(openFiles(sha256)).toBe(0), { timeout: 10_000 })
    client.socket.resume()
    const received = await client.end()
    expect(received.subarray(0, 15).toString()).toBe('HTTP/1.1 200 OK')
    expect(received.length).toBeLessThan(SIZE)
    // What a download leaves behind is no harm.
    await victim.keep()
  })
})

/** How often this process has a blob open. */
function openFiles(sha256: string): number {
  return readdirSync('/proc/self/fd').filter((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`).endsWith(sha256)
    } catch {
      return false
    }
  }).length
}

describe('many connections', () => {
  it('500 that say nothing keep nobody else out', async () => {
    const sockets = await Promise.all(Array.from({ length: 500 }, () => opened()))
    await victim.expectUnharmed()
    await Promise.all(
      sockets.map((socket) => socket.destroyed || new Promise((resolve) => socket.once('close', resolve))),
    )
  })

  it('500 with half a request keep nobody else out', async () => {
    const sockets = await Promise.all(Array.from({ length: 500 }, () => opened()))
    for (const socket of sockets) socket.write('POST /login HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\n{')
    await victim.expectUnharmed()
    await Promise.all(
      sockets.map((socket) => socket.destroyed || new Promise((resolve) => socket.once('close', resolve))),
    )
  })
})

function opened(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(victim.port, '127.0.0.1', () => {
      socket.off('error', reject)
      socket.on('error', () => undefined)
      socket.resume()
      resolve(socket)
    })
    socket.once('error', reject)
  })
}
