import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { describeBlobs } from '../../core/blobs.contract.ts'
import type { OpenBlob } from '../../core/blobs.ts'
import { blobPlace } from './blob-path.ts'
import { BlobVerifier } from './blob-verifier.ts'
import { FilesystemBlobs } from './filesystem-blobs.ts'
import { HotBlobs, type HotBlobsOptions } from './hot-blobs.ts'
import { MemoryBlobs } from './memory-blobs.ts'

const OPTIONS: HotBlobsOptions = { totalBytes: 1000, bodyBytes: 500, idleMs: 60_000 }

describeBlobs('memory in front of the filesystem', async () => {
  const root = await mkdtemp(join(tmpdir(), 'godwit-hot-'))
  const hot = new HotBlobs(await FilesystemBlobs.open(root), { totalBytes: 2 ** 20, bodyBytes: 2 ** 20, idleMs: 1000 })
  return { blobs: hot, dispose: () => rm(root, { recursive: true }) }
})

describe('bodies in memory', () => {
  let root: string
  let hot: HotBlobs
  let time: number
  const opened: OpenBlob[] = []
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'godwit-hot-'))
    time = 0
    // Only the memory itself may notice that a file was changed behind the store's back.
    const trusting = new BlobVerifier(0)
    hot = new HotBlobs(await FilesystemBlobs.open(root, { verifier: trusting }), { ...OPTIONS, now: () => time })
  })
  afterEach(async () => {
    for (const blob of opened.splice(0)) await blob.close()
    await rm(root, { recursive: true })
  })

  async function store(size: number): Promise<{ sha256: string; size: number; bytes: Buffer }> {
    const bytes = randomBytes(size)
    const staged = await hot.stage(once(bytes), { maxBytes: size })
    await staged.commit()
    return { sha256: staged.digests.sha256, size, bytes }
  }
  const fileOf = (sha256: string) => blobPlace(join(root, 'blobs'), sha256).file
  async function open({ sha256, size }: { sha256: string; size: number }): Promise<OpenBlob> {
    const blob = await hot.open(sha256, size)
    opened.push(blob)
    return blob
  }
  async function isHit(body: { sha256: string; size: number }): Promise<boolean> {
    const before = hot.counts.hits
    await (await hot.open(body.sha256, body.size)).close()
    return hot.counts.hits > before
  }
  async function warm(body: { sha256: string; size: number }): Promise<void> {
    await isHit(body)
    await isHit(body)
  }

  test('are kept from the second opening on, whole and unchanged', async () => {
    const body = await store(100)
    expect((await open(body)).memory).toBeUndefined()
    expect(hot.counts).toMatchObject({ bodies: 0, bytes: 0 })
    expect(Buffer.from((await open(body)).memory ?? []).equals(body.bytes)).toBe(true)
    const third = await open(body)
    expect(third.memory && Buffer.from(third.memory).equals(body.bytes)).toBe(true)
    const part = Buffer.alloc(10)
    expect(await third.read(part, 95)).toBe(5)
    expect(part.subarray(0, 5).equals(body.bytes.subarray(95))).toBe(true)
    expect(hot.counts).toEqual({ hits: 1, misses: 2, evictions: 0, bodies: 1, bytes: 100 })
  })

  test('are read once for all that ask while they are loaded', async () => {
    const body = await store(400)
    await isHit(body)
    const blobs = await Promise.all(Array.from({ length: 50 }, () => open(body)))
    expect(hot.counts.bytes).toBe(400)
    expect(hot.counts.hits).toBe(49)
    for (const blob of blobs) expect(await contentOf(blob)).toEqual(body.bytes)
    await warm(body)
    expect(hot.counts.bytes).toBe(400)
  })

  test('larger than the limit for one stay where they are', async () => {
    const body = await store(501)
    await warm(body)
    expect(await isHit(body)).toBe(false)
    expect(hot.counts).toMatchObject({ misses: 0, bytes: 0 })
  })

  test('give way in the order in which they were last used', async () => {
    const [a, b, c] = [await store(400), await store(400), await store(400)]
    await warm(a)
    await warm(b)
    expect(await isHit(a)).toBe(true)
    await warm(c)
    expect(hot.counts).toMatchObject({ bodies: 2, bytes: 800, evictions: 1 })
    expect([await isHit(a), await isHit(c), await isHit(b)]).toEqual([true, true, false])
  })

  test('in use are not given up: the limit holds for all that is in memory', async () => {
    const [a, b, c] = [await store(500), await store(500), await store(500)]
    await warm(a)
    await warm(b)
    const readers = [await open(a), await open(b)]
    await warm(c)
    expect(hot.counts.bytes).toBe(1000)
    expect(await isHit(c)).toBe(false)
    for (const reader of readers) await reader.close()
    await warm(c)
    expect(await isHit(c)).toBe(true)
    expect(hot.counts.bytes).toBe(1000)
  })

  test('are forgotten when they are deleted, and a reader keeps what it has open', async () => {
    const body = await store(200)
    await warm(body)
    const reader = await open(body)
    await hot.delete(body.sha256)
    await expect(hot.open(body.sha256, body.size)).rejects.toMatchObject({ code: 'blob-missing' })
    expect(await contentOf(reader)).toEqual(body.bytes)
    expect(hot.counts).toMatchObject({ bodies: 0, bytes: 200 })
    await reader.close()
    await reader.close()
    expect(hot.counts.bytes).toBe(0)
  })

  test('that are deleted while they are loaded are not kept', async () => {
    const body = await store(200)
    await isHit(body)
    const loading = open(body)
    await hot.delete(body.sha256)
    await loading.then((blob) => blob.close()).catch((error) => expect(error).toMatchObject({ code: 'blob-missing' }))
    expect(hot.counts).toMatchObject({ bodies: 0, bytes: 0 })
    await expect(hot.open(body.sha256, body.size)).rejects.toMatchObject({ code: 'blob-missing' })
  })

  test('whose file another process has removed are not served any more', async () => {
    const body = await store(200)
    await warm(body)
    await unlink(fileOf(body.sha256))
    await expect(hot.open(body.sha256, body.size)).rejects.toMatchObject({ code: 'blob-missing' })
    expect(hot.counts.bytes).toBe(0)
  })

  test('whose file was cut short are refused, though memory has them whole', async () => {
    const body = await store(200)
    await warm(body)
    await truncate(fileOf(body.sha256), 100)
    await expect(hot.open(body.sha256, body.size)).rejects.toMatchObject({ code: 'blob-damaged' })
    expect(hot.counts.bytes).toBe(0)
  })

  test('are served for their recorded size alone', async () => {
    const body = await store(200)
    await warm(body)
    await expect(hot.open(body.sha256, 201)).rejects.toMatchObject({ code: 'blob-damaged' })
  })

  test('that do not hash to their name are refused and not kept, whatever the store says', async () => {
    const body = await store(200)
    await writeFile(fileOf(body.sha256), randomBytes(200))
    const outcomes = await Promise.allSettled([open(body), open(body)])
    expect(outcomes.some(({ status }) => status === 'rejected')).toBe(true)
    await expect(hot.open(body.sha256, body.size)).rejects.toMatchObject({ code: 'blob-damaged' })
    expect(hot.counts).toMatchObject({ bodies: 0, bytes: 0 })
  })

  test('are given back when nobody opens them for long', async () => {
    const [a, b] = [await store(100), await store(200)]
    await warm(a)
    await warm(b)
    const reader = await open(b)
    time = 59_999
    hot.trim()
    expect(hot.counts.bodies).toBe(2)
    time = 60_000
    hot.trim()
    expect(hot.counts).toMatchObject({ bodies: 1, bytes: 200 })
    await reader.close()
    hot.trim()
    expect(hot.counts).toMatchObject({ bodies: 0, bytes: 0 })
  })

  test('with no room at all, nothing is kept', async () => {
    const none = new HotBlobs(new MemoryBlobs(), { ...OPTIONS, totalBytes: 0 })
    const staged = await none.stage(once(Buffer.from('firmware')), { maxBytes: 8 })
    await staged.commit()
    for (let round = 0; round < 3; round += 1) await (await none.open(staged.digests.sha256, 8)).close()
    expect(none.counts).toEqual({ hits: 0, misses: 0, evictions: 0, bodies: 0, bytes: 0 })
  })
})

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function contentOf(blob: OpenBlob): Promise<Buffer> {
  const content = Buffer.alloc(blob.size)
  for (let position = 0; position < content.length; ) position += await blob.read(content.subarray(position), position)
  return content
}
