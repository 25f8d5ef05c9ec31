import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { S3Blobs } from '../../../src/storage/blob/s3/s3-blobs.ts'
import { type S3TestServer, s3Settings, startS3Server } from '../../support/s3-server.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'
import { Fixture, IMAGE, sha256, tokenOf } from './fixture.ts'

const PATH = `/device/v1/artifacts/${sha256(IMAGE)}`

let s3: S3TestServer
let folder: TemporaryFolder
let fixture: Fixture
beforeAll(async () => {
  s3 = await startS3Server()
  folder = await temporaryFolder()
  fixture = await startFixture({ links: {} })
  await fixture.assign('1.1.0')
  await fixture.offered()
})
afterAll(async () => {
  await fixture.server.close()
  await s3.stop()
  await folder.remove()
})

async function startFixture(more: { links?: { endpoint?: string } } = {}): Promise<Fixture> {
  const settings = { ...s3Settings(s3.url, `${randomUUID()}/`, { redirectSeconds: 120 }), ...more }
  return Fixture.start({ blobs: await S3Blobs.open({ settings, folder: folder.path, now: Date.now }) })
}

const ask = (of: Fixture, headers: Record<string, string>, method = 'GET') =>
  fetch(of.server.url + PATH, {
    method,
    redirect: 'manual',
    headers: { authorization: `Bearer ${tokenOf('truck-1')}`, ...headers },
  })

describe('an artifact in S3', () => {
  test.each([
    ['nothing', {}],
    ['another preference', { prefer: 'respond-async, redirecting' }],
  ])('comes through the server when the device says %s [native 4.5]', async (_what, headers) => {
    const reply = await ask(fixture, headers)
    expect(reply.status).toBe(200)
    expect(Buffer.from(await reply.arrayBuffer()).equals(IMAGE)).toBe(true)
    const part = await ask(fixture, { ...headers, range: 'bytes=990-' })
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 990-999/1000'])
    expect(Buffer.from(await part.arrayBuffer()).equals(IMAGE.subarray(990))).toBe(true)
  })

  test.each(['redirect', 'wait=10, Redirect', 'redirect; x=1'])(
    'is redirected to for a device that says Prefer: %s, for a short time, without its token',
    async (prefer) => {
      const reply = await ask(fixture, { prefer, range: 'bytes=10-' })
      expect(reply.status).toBe(302)
      expect(reply.headers.get('cache-control')).toBe('no-store')
      const url = new URL(reply.headers.get('location') ?? '')
      expect(url.origin).toBe(s3.url)
      expect(url.searchParams.get('X-Amz-Expires')).toBe('120')
      expect(url.href).not.toContain('truck-1')
      const part = await fetch(url, { headers: { range: 'bytes=10-' } })
      expect(part.status).toBe(206)
      expect(Buffer.from(await part.arrayBuffer()).equals(IMAGE.subarray(10))).toBe(true)
    },
  )

  test('that is redirected to has begun, and no more: the server does not see the last byte', async () => {
    const other = await startFixture({ links: {} })
    try {
      await other.assign('1.1.0')
      const { id } = await other.offered()
      const reply = await ask(other, { prefer: 'redirect' })
      await (await fetch(reply.headers.get('location') ?? '')).arrayBuffer()
      expect(await other.latest()).toMatchObject({ id, state: 'downloading' })
      await other.report({ update: id, state: 'succeeded', running: { main: '1.1.0' } })
      expect(await other.latest()).toMatchObject({ id, state: 'succeeded' })
    } finally {
      await other.server.close()
    }
  })

  test('answers HEAD and conditions itself', async () => {
    const head = await ask(fixture, { prefer: 'redirect' }, 'HEAD')
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '1000'])
    const known = await ask(fixture, { prefer: 'redirect', 'if-none-match': `"sha256-${sha256(IMAGE)}"` })
    expect(known.status).toBe(304)
  })

  test('is not redirected to where the server does not hand out addresses', async () => {
    const plain = await startFixture()
    try {
      await plain.assign('1.1.0')
      await plain.offered()
      expect((await ask(plain, { prefer: 'redirect' })).status).toBe(200)
    } finally {
      await plain.server.close()
    }
  })

  test('of private firmware always comes through the server', async () => {
    const own = await startFixture({ links: {} })
    try {
      const { core } = own.server
      const bytes = Buffer.from('with a secret of this device')
      const staged = await core.deps.blobs.stage(once(bytes), { maxBytes: 1000 })
      const { device } = await own.factsOf('truck-1')
      const input = { target: { device: device.serial }, version: 'private-1', fileName: 'own.bin' }
      await core.deploys.deploy(own.scope, input, staged)
      const { modules } = await own.offered()
      const path = `/device/v1/artifacts/${modules[0]?.sha256}`
      const reply = await own.call(path, { headers: { prefer: 'redirect' } })
      expect([reply.status, reply.bytes.equals(bytes)]).toEqual([200, true])
    } finally {
      await own.server.close()
    }
  })

  test('whose address leads elsewhere names the host that devices reach', async () => {
    const elsewhere = await startFixture({ links: { endpoint: 'https://cdn.example.com' } })
    try {
      await elsewhere.assign('1.1.0')
      await elsewhere.offered()
      const reply = await ask(elsewhere, { prefer: 'redirect' })
      expect(new URL(reply.headers.get('location') ?? '').origin).toBe('https://cdn.example.com')
    } finally {
      await elsewhere.server.close()
    }
  })

  test('that is gone or damaged is a fault of the server, never a redirect', async () => {
    const broken = await startFixture({ links: {} })
    try {
      await broken.assign('1.1.0')
      await broken.offered()
      await broken.server.core.deps.blobs.delete(sha256(IMAGE))
      const reply = await ask(broken, { prefer: 'redirect' })
      expect(reply.status).toBe(500)
      expect(await reply.json()).toMatchObject({ code: 'blob-missing' })
      expect((await broken.latest())?.state).toBe('offered')
    } finally {
      await broken.server.close()
    }
  })
})

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
