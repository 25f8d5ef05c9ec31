import { randomBytes } from 'node:crypto'
import { mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { describeBlobs } from '../../core/blobs.contract.ts'
import { blobPlace } from './blob-path.ts'
import { BlobVerifier } from './blob-verifier.ts'
import { BodyDigest } from './body-digest.ts'
import { FilesystemBlobs } from './filesystem-blobs.ts'
import { writeBody } from './staged-file.ts'

const NO_LIMIT = { maxBytes: Number.MAX_SAFE_INTEGER }

async function temporaryRoot(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'godwit-blobs-'))
}

describeBlobs('filesystem', async () => {
  const root = await temporaryRoot()
  return { blobs: await FilesystemBlobs.open(root), dispose: () => rm(root, { recursive: true }) }
})

describe('filesystem blobs', () => {
  let root: string
  let blobs: FilesystemBlobs
  beforeEach(async () => {
    root = await temporaryRoot()
    blobs = await FilesystemBlobs.open(root)
  })
  afterEach(() => rm(root, { recursive: true }))

  const store = async (bytes: Uint8Array) => {
    const staged = await blobs.stage(once(bytes), NO_LIMIT)
    await staged.commit()
    return { ...staged.digests, path: blobPlace(join(root, 'blobs'), staged.digests.sha256).file }
  }
  const temporaries = () => readdir(join(root, 'tmp'))

  test('files lie under two levels of their hash, readable by their owner alone', async () => {
    const { sha256, path } = await store(Buffer.from('firmware'))
    expect(path).toBe(join(root, 'blobs', sha256.slice(0, 2), sha256.slice(2, 4), sha256))
    expect(await readFile(path, 'utf8')).toBe('firmware')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700)
    expect((await stat(join(root, 'tmp'))).mode & 0o777).toBe(0o700)
  })

  test('whatever becomes of a body, no temporary file stays', async () => {
    await store(Buffer.from('committed'))
    await (await blobs.stage(once(Buffer.from('discarded')), NO_LIMIT)).discard()
    await expect(blobs.stage(once(Buffer.alloc(11)), { maxBytes: 10 })).rejects.toMatchObject({ code: 'too-large' })
    const broken = async function* () {
      yield Buffer.from('half')
      throw new Error('cut')
    }
    await expect(blobs.stage(broken(), NO_LIMIT)).rejects.toThrow('cut')
    await blobs.check()
    expect(await temporaries()).toEqual([])
  })

  test('a file cut short on the disk is damaged', async () => {
    const { sha256, path } = await store(Buffer.alloc(1000))
    await truncate(path, 999)
    await expect(blobs.open(sha256, 1000)).rejects.toMatchObject({ code: 'blob-damaged' })
  })

  test('a changed byte is found at the first open after a restart, before anything is served', async () => {
    const { sha256, path, size } = await store(randomBytes(1000))
    await flipByte(path)
    const restarted = await FilesystemBlobs.open(root)
    await expect(restarted.open(sha256, size)).rejects.toMatchObject({ code: 'blob-damaged' })
    await expect(restarted.open(sha256, size)).rejects.toMatchObject({ code: 'blob-damaged' })
  })

  test('a large file is served while it is hashed, and refused once found damaged', async () => {
    const { sha256, path, size } = await store(randomBytes(1000))
    await flipByte(path)
    const verifier = new BlobVerifier(999)
    const restarted = await FilesystemBlobs.open(root, { verifier })
    await (await restarted.open(sha256, size)).close()
    await verifier.settled()
    await expect(restarted.open(sha256, size)).rejects.toMatchObject({ code: 'blob-damaged' })
  })

  test('storing the bytes again heals a damaged file', async () => {
    const body = randomBytes(1000)
    const { sha256, path, size } = await store(body)
    await flipByte(path)
    const restarted = await FilesystemBlobs.open(root)
    await expect(restarted.open(sha256, size)).rejects.toMatchObject({ code: 'blob-damaged' })
    await (await restarted.stage(once(body), NO_LIMIT)).commit()
    await (await restarted.open(sha256, size)).close()
  })

  test('sweeping removes leftovers of ended processes, and of an earlier process of the same id', async () => {
    const ended = 2 ** 22 + 1
    const token = '0123abcd'
    for (const name of [`${ended}-${token}-x`, `${process.pid}-${token}-x`, 'stray']) {
      await writeFile(join(root, 'tmp', name), 'left')
    }
    await writeFile(join(root, 'tmp', `1-${token}-alive`), 'kept')
    const staged = await blobs.stage(once(Buffer.from('under way')), NO_LIMIT)
    expect(await blobs.sweep()).toBe(3)
    expect((await temporaries()).length).toBe(2)
    await staged.commit()
  })

  test('a directory that cannot be written fails the check and every upload', async () => {
    await rm(join(root, 'tmp'), { recursive: true })
    await writeFile(join(root, 'tmp'), 'not a directory')
    await expect(blobs.check()).rejects.toMatchObject({ code: 'storage-failed' })
    await expect(blobs.stage(once(Buffer.from('x')), NO_LIMIT)).rejects.toMatchObject({
      code: 'storage-failed',
      cause: { code: 'ENOTDIR' },
    })
  })

  test('a body that cannot take its place leaves nothing behind', async () => {
    const staged = await blobs.stage(once(Buffer.from('x')), NO_LIMIT)
    await rm(join(root, 'blobs'), { recursive: true })
    await writeFile(join(root, 'blobs'), 'not a directory')
    await expect(staged.commit()).rejects.toMatchObject({ code: 'storage-failed' })
    expect(await temporaries()).toEqual([])
  })

  test.runIf(process.platform === 'linux')('a full disk is a failed store, not a bug', async () => {
    const full = await open('/dev/full', 'w')
    try {
      const body = { digest: new BodyDigest(), maxBytes: 100 }
      await expect(writeBody(full, once(Buffer.from('x')), body)).rejects.toMatchObject({
        code: 'storage-full',
        cause: { code: 'ENOSPC' },
        details: { code: 'ENOSPC' },
      })
    } finally {
      await full.close()
    }
  })

  test('many uploads and readers at once all see whole bodies', async () => {
    const bodies = Array.from({ length: 20 }, (_, index) => Buffer.alloc(50_000, index))
    const digests = await Promise.all([...bodies, ...bodies].map(store))
    expect(new Set(digests.map((each) => each.sha256)).size).toBe(20)
    for (const { path, size } of digests) expect((await stat(path)).size).toBe(size)
    expect(await temporaries()).toEqual([])
  })
})

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function flipByte(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const byte = Buffer.alloc(1)
    await file.read(byte, 0, 1, 500)
    await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, 500)
  } finally {
    await file.close()
  }
}
