import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type FaultyProxy, faultyProxy } from '../../../../test/support/faulty-proxy.ts'
import { type S3TestServer, s3Settings, startS3Server } from '../../../../test/support/s3-server.ts'
import { type TemporaryFolder, temporaryFolder } from '../../../../test/support/temporary-folder.ts'
import { isOtaError } from '../../../core/errors.ts'
import { S3Blobs } from './s3-blobs.ts'

const MIB = 2 ** 20
const NO_LIMIT = { maxBytes: Number.MAX_SAFE_INTEGER }

let server: S3TestServer
let proxy: FaultyProxy
let folder: TemporaryFolder
let prefix: string
beforeAll(async () => {
  server = await startS3Server()
})
afterAll(() => server.stop())
beforeEach(async () => {
  proxy = await faultyProxy(server.url, 'faults')
  folder = await temporaryFolder()
  prefix = `${randomUUID()}/`
})
afterEach(async () => {
  await proxy.close()
  await folder.remove()
})

const openAt = (url: string, limits: Parameters<typeof s3Settings>[2] = {}) =>
  S3Blobs.open({ settings: s3Settings(url, prefix, { partBytes: MIB, ...limits }), folder: folder.path, now: Date.now })

/** Every object in the bucket is whole, and under its own hash. */
async function expectOnlyWhole(): Promise<Set<string>> {
  const names = new Set<string>()
  for (const [key, bytes] of await server.objects()) {
    if (!key.startsWith(`${prefix}blobs/`)) continue
    const name = key.slice(`${prefix}blobs/`.length)
    expect(sha256Of(bytes)).toBe(name)
    names.add(name)
  }
  return names
}

describe('a store of which 30 % of the calls fail', () => {
  test('takes uploads and gives every acknowledged body back, byte for byte', async () => {
    const blobs = await openAt(proxy.url)
    proxy.fail(0.3)
    const bodies = [10, 1000, MIB, 3 * MIB + 5, 6 * MIB, 2 * MIB, 100_000, 4 * MIB].map((size) => randomBytes(size))
    const results = await Promise.allSettled(bodies.map((body) => store(blobs, body)))
    const acknowledged = bodies.filter((_, index) => results[index]?.status === 'fulfilled')
    // Eight tries each: that one call in 15,000 is lost for good.
    expect(acknowledged.length).toBeGreaterThanOrEqual(bodies.length - 1)
    for (const result of results)
      if (result.status === 'rejected') expect(isOtaError(result.reason, 'storage-failed')).toBe(true)
    const reader = await openAt(proxy.url)
    for (const body of acknowledged) expect((await readAll(reader, body)).equals(body)).toBe(true)
    proxy.fail(0)
    const there = await expectOnlyWhole()
    for (const body of acknowledged) expect(there).toContain(sha256Of(body))
    expect(await readdir(join(folder.path, 'tmp'))).toEqual([])
    for (const way of ['reset-before', 'reset-within', 'reset-after', 'cut-answer', 'error-500', 'slow-down'] as const)
      expect(proxy.counts.get(way), way).toBeGreaterThan(0)
  })

  test('and that tries no call again stores nothing by halves, and says what failed', async () => {
    const blobs = await openAt(proxy.url, { attempts: 1 })
    proxy.fail(0.3)
    const bodies = Array.from({ length: 12 }, () => randomBytes(2 * MIB + 11))
    const results = await Promise.allSettled(bodies.map((body) => store(blobs, body)))
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
    expect(refused.length).toBeGreaterThan(0)
    for (const error of refused) {
      expect(isOtaError(error, 'storage-failed')).toBe(true)
      expect(error.message).toMatch(/^Blob store: /)
    }
    proxy.fail(0)
    await expectOnlyWhole()
    expect(await readdir(join(folder.path, 'tmp'))).toEqual([])
    // The same bytes go in as soon as the store is well.
    for (const body of bodies) await store(blobs, body)
    expect(await expectOnlyWhole()).toEqual(new Set(bodies.map(sha256Of)))
  })

  test.each([['cut-answer'], ['reset-before'], ['slow-down']] as const)(
    'gives a body whole although answers end by %s',
    async (way) => {
      const body = randomBytes(3 * MIB)
      await store(await openAt(server.url), body)
      const blobs = await openAt(proxy.url)
      proxy.fail(0.4, [way])
      for (let round = 0; round < 3; round += 1) expect((await readAll(blobs, body)).equals(body)).toBe(true)
      expect(proxy.counts.get(way)).toBeGreaterThan(0)
    },
  )
})

describe('a store that is gone', () => {
  test('fails a read in bounded time, and is read again when it is back', async () => {
    const body = randomBytes(4 * MIB)
    await store(await openAt(server.url), body)
    const blobs = await openAt(proxy.url, { attempts: 2 })
    await readAll(blobs, body)
    proxy.fail(1, ['reset-before', 'error-500'])
    await expect(readAll(blobs, body)).rejects.toMatchObject({ code: 'storage-failed' })
    await expect(blobs.exists(sha256Of(body))).rejects.toMatchObject({ code: 'storage-failed' })
    proxy.fail(0)
    expect((await readAll(blobs, body)).equals(body)).toBe(true)
  })

  test('in the middle of a commit leaves nothing visible', async () => {
    const blobs = await openAt(proxy.url, { attempts: 2 })
    const staged = await blobs.stage(once(randomBytes(3 * MIB)), NO_LIMIT)
    proxy.fail(1, ['reset-within'])
    await expect(staged.commit()).rejects.toMatchObject({ code: 'storage-failed' })
    expect(await expectOnlyWhole()).toEqual(new Set())
  })

  test('whose answer to the last call of an upload is lost has it all the same', async () => {
    const blobs = await openAt(proxy.url)
    proxy.fail(0.5, ['reset-after'])
    const body = randomBytes(2 * MIB)
    await store(blobs, body)
    expect(proxy.counts.get('reset-after')).toBeGreaterThan(0)
    expect(await expectOnlyWhole()).toEqual(new Set([sha256Of(body)]))
  })
})

async function store(blobs: S3Blobs, body: Uint8Array): Promise<void> {
  const staged = await blobs.stage(once(body), NO_LIMIT)
  await staged.commit()
}

async function readAll(blobs: S3Blobs, body: Uint8Array): Promise<Buffer> {
  const blob = await blobs.open(sha256Of(body), body.length)
  try {
    const buffer = Buffer.alloc(body.length)
    for (let at = 0; at < body.length; ) {
      const read = await blob.read(buffer.subarray(at, at + 256 * 1024), at)
      if (read === 0) break
      at += read
    }
    return buffer
  } finally {
    await blob.close()
  }
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
