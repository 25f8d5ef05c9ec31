import { randomBytes, randomUUID } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type S3TestServer, s3Settings, startS3Server } from '../../../../test/support/s3-server.ts'
import { type TemporaryFolder, temporaryFolder } from '../../../../test/support/temporary-folder.ts'
import { describeBlobs } from '../../../core/blobs.contract.ts'
import { S3Blobs } from './s3-blobs.ts'

const NO_LIMIT = { maxBytes: Number.MAX_SAFE_INTEGER }
const MIB = 2 ** 20

let server: S3TestServer
beforeAll(async () => {
  server = await startS3Server()
})
afterAll(() => server.stop())

const openAt = (folder: string, prefix: string, more: Partial<Parameters<typeof s3Settings>[2]> = {}) =>
  S3Blobs.open({ settings: s3Settings(server.url, prefix, more), folder, now: Date.now })

describeBlobs('S3', async () => {
  const folder = await temporaryFolder()
  return { blobs: await openAt(folder.path, `${randomUUID()}/`), dispose: folder.remove }
})

describe('S3 blobs', () => {
  let folder: TemporaryFolder
  let prefix: string
  let blobs: S3Blobs
  beforeEach(async () => {
    folder = await temporaryFolder()
    prefix = `${randomUUID()}/`
    blobs = await openAt(folder.path, prefix)
  })
  afterEach(() => folder.remove())

  const store = async (bytes: Uint8Array, into: S3Blobs = blobs) => {
    const staged = await into.stage(once(bytes), NO_LIMIT)
    await staged.commit()
    return staged.digests
  }
  const objects = async () => new Map([...(await server.objects())].filter(([key]) => key.startsWith(prefix)))
  const temporaries = () => readdir(join(folder.path, 'tmp'))

  test('a body of several parts is one object under its hash, byte for byte, and no local file stays', async () => {
    const body = randomBytes(3 * MIB + 17)
    const many = await openAt(folder.path, prefix, { partBytes: MIB })
    const { sha256 } = await store(body, many)
    expect([...(await objects()).keys()]).toEqual([`${prefix}blobs/${sha256}`])
    expect((await objects()).get(`${prefix}blobs/${sha256}`)?.equals(body)).toBe(true)
    expect(await temporaries()).toEqual([])
  })

  test('nothing is in the bucket before the commit', async () => {
    const staged = await blobs.stage(once(randomBytes(1000)), NO_LIMIT)
    expect((await objects()).size).toBe(0)
    await staged.discard()
    expect(await temporaries()).toEqual([])
  })

  test('another process sees what was committed, hashes it before it serves it, and refuses what was changed', async () => {
    const sound = await store(randomBytes(1000))
    const { sha256 } = await store(randomBytes(1000))
    await overwrite(prefix, sha256, randomBytes(1000))
    const other = await openAt(folder.path, prefix)
    await (await other.open(sound.sha256, 1000)).close()
    await expect(other.open(sha256, 1000)).rejects.toMatchObject({ code: 'blob-damaged' })
    await expect(other.link(sha256, 1000)).resolves.toBeUndefined()
  })

  test('storing the bytes again heals a damaged object', async () => {
    const body = randomBytes(1000)
    const { sha256 } = await store(body)
    await overwrite(prefix, sha256, randomBytes(1000))
    const other = await openAt(folder.path, prefix)
    await store(body, other)
    await (await other.open(sha256, 1000)).close()
    expect((await objects()).get(`${prefix}blobs/${sha256}`)?.equals(body)).toBe(true)
  })

  test('two processes that store the same bytes at once both succeed, and readers see whole bodies', async () => {
    const body = randomBytes(2 * MIB)
    const other = await openAt(folder.path, prefix)
    const [first, second] = await Promise.all([store(body), store(body, other)])
    expect(first).toEqual(second)
    expect(Buffer.concat(await chunksOf(blobs, first)).equals(body)).toBe(true)
  })

  test.each([
    ['the middle', { start: 1_000_000, end: 1_000_099 }],
    ['the end', { start: 2 * MIB - 100, end: 2 * MIB - 1 }],
    ['nothing', null],
  ])('a reader that was expected to want %s gets whatever it asks for', async (_what, likely) => {
    const body = randomBytes(2 * MIB)
    const { sha256, size } = await store(body)
    const blob = await blobs.open(sha256, size, likely)
    for (const position of [likely?.start ?? 0, 0, 5_000, 1_500_000]) {
      const buffer = Buffer.alloc(100)
      const read = await blob.read(buffer, position)
      expect(read).toBeGreaterThan(0)
      expect(buffer.subarray(0, read).equals(body.subarray(position, position + read))).toBe(true)
    }
    await blob.close()
    await expect(blob.read(Buffer.alloc(1), 0)).rejects.toMatchObject({ code: 'storage-failed' })
  })

  test('a link is given where links are on, is good for the body and not for writing', async () => {
    const body = randomBytes(5000)
    const { sha256, size } = await store(body)
    expect(await blobs.link(sha256, size)).toBeUndefined()
    const settings = { ...s3Settings(server.url, prefix, { redirectSeconds: 60 }), links: {} }
    const linking = await S3Blobs.open({ settings, folder: folder.path, now: Date.now })
    const url = (await linking.link(sha256, size)) ?? ''
    expect(new URL(url).searchParams.get('X-Amz-Expires')).toBe('60')
    const reply = await fetch(url, { headers: { range: 'bytes=4990-' } })
    expect(reply.status).toBe(206)
    expect(Buffer.from(await reply.arrayBuffer()).equals(body.subarray(4990))).toBe(true)
    expect((await fetch(url, { method: 'PUT', body: 'x' })).status).toBe(403)
    await expect(linking.link(sha256, size + 1)).rejects.toMatchObject({ code: 'blob-damaged' })
    await expect(linking.link('0'.repeat(64), 1)).rejects.toMatchObject({ code: 'blob-missing' })
  })

  test.each([
    ['no bucket', { bucket: 'nowhere' }, /NoSuchBucket|404/],
    ['a wrong secret', { credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'x' } }, /secret is wrong|403/],
    ['nobody there', { endpoint: 'http://127.0.0.1:9' }, /nobody listens at the endpoint/],
  ])('says what to do: %s', async (_what, change, said) => {
    const settings = { ...s3Settings(server.url, prefix, { attempts: 2 }), ...change }
    const broken = await S3Blobs.open({ settings, folder: folder.path, now: Date.now })
    await expect(broken.check()).rejects.toMatchObject({ code: 'storage-failed' })
    await expect(broken.check()).rejects.toThrow(said)
    const staged = await broken.stage(once(Buffer.from('x')), NO_LIMIT)
    await expect(staged.commit()).rejects.toMatchObject({ code: 'storage-failed' })
    expect(await temporaries()).toEqual([])
  })

  async function overwrite(under: string, sha256: string, bytes: Buffer): Promise<void> {
    const { S3Client, PutObjectCommand } = await import('@aws-sdk/client-s3')
    const { bucket, endpoint = '', credentials } = s3Settings(server.url, under)
    const client = new S3Client({
      endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      ...(credentials && { credentials }),
    })
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: `${under}blobs/${sha256}`, Body: bytes }))
  }
})

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function chunksOf(blobs: S3Blobs, { sha256, size }: { sha256: string; size: number }): Promise<Buffer[]> {
  const blob = await blobs.open(sha256, size)
  const chunks: Buffer[] = []
  for (let position = 0; position < size; ) {
    const buffer = Buffer.alloc(65_536)
    const read = await blob.read(buffer, position)
    chunks.push(buffer.subarray(0, read))
    position += read
  }
  await blob.close()
  return chunks
}
