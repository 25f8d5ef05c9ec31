import { createHash, randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Blobs } from './blobs.ts'

export interface BlobsUnderTest {
  readonly blobs: Blobs
  /** Removes everything that `make` made. */
  readonly dispose: () => Promise<void>
}

const NO_LIMIT = { maxBytes: Number.MAX_SAFE_INTEGER }

/** What every implementation of the `Blobs` port keeps; run it once per implementation. */
export function describeBlobs(name: string, make: () => Promise<BlobsUnderTest>): void {
  describe(`blobs: ${name}`, () => {
    let blobs: Blobs
    let dispose: () => Promise<void>
    beforeEach(async () => {
      ;({ blobs, dispose } = await make())
    })
    afterEach(() => dispose())

    const store = async (bytes: Uint8Array) => {
      const staged = await blobs.stage(chunked(bytes, 7), NO_LIMIT)
      await staged.commit()
      return staged.digests
    }
    const stored = async () => {
      const names: string[] = []
      for await (const sha256 of blobs.list()) names.push(sha256)
      return names.sort()
    }

    test('digests and head are those of the whole body, however it was chunked', async () => {
      const body = randomBytes(100_000)
      const staged = await blobs.stage(chunked(body, 999), NO_LIMIT)
      expect(staged.digests).toEqual({
        sha256: digest('sha256', body),
        sha1: digest('sha1', body),
        md5: digest('md5', body),
        size: 100_000,
      })
      expect(Buffer.from(staged.head).equals(body.subarray(0, 65_536))).toBe(true)
      await staged.discard()
    })

    test('a source that uses one buffer again and again is stored as it was', async () => {
      const buffer = Buffer.alloc(4)
      const source = async function* () {
        for (const fill of ['a', 'b', 'c']) yield buffer.fill(fill)
      }
      const staged = await blobs.stage(source(), NO_LIMIT)
      await staged.commit()
      expect(staged.digests.sha256).toBe(digest('sha256', Buffer.from('aaaabbbbcccc')))
      expect((await bytesOf(blobs, staged.digests)).toString()).toBe('aaaabbbbcccc')
    })

    test('a body is visible only after commit', async () => {
      const staged = await blobs.stage(chunked(Buffer.from('firmware'), 3), NO_LIMIT)
      const { sha256 } = staged.digests
      expect(await blobs.exists(sha256)).toBe(false)
      await expect(blobs.open(sha256, 8)).rejects.toMatchObject({ code: 'blob-missing' })
      await staged.commit()
      expect(await blobs.exists(sha256)).toBe(true)
      expect((await bytesOf(blobs, staged.digests)).toString()).toBe('firmware')
    })

    test('a discarded body never was', async () => {
      const staged = await blobs.stage(chunked(Buffer.from('firmware'), 3), NO_LIMIT)
      await staged.discard()
      await staged.discard()
      expect(await blobs.exists(staged.digests.sha256)).toBe(false)
      expect(await stored()).toEqual([])
    })

    test('discard after commit takes nothing back', async () => {
      const staged = await blobs.stage(chunked(Buffer.from('firmware'), 3), NO_LIMIT)
      await staged.commit()
      await staged.commit()
      await staged.discard()
      expect(await blobs.exists(staged.digests.sha256)).toBe(true)
    })

    test('the same bytes stored twice are one body', async () => {
      const [first, second] = await Promise.all([store(Buffer.from('same')), store(Buffer.from('same'))])
      expect(first).toEqual(second)
      expect(await stored()).toEqual([first.sha256])
    })

    test('an empty body is a body', async () => {
      const digests = await store(Buffer.alloc(0))
      expect(digests.size).toBe(0)
      expect((await bytesOf(blobs, digests)).length).toBe(0)
    })

    test('the limit counts bytes: at the limit is fine, one more is too large and leaves nothing', async () => {
      const atLimit = await blobs.stage(chunked(Buffer.alloc(10), 4), { maxBytes: 10 })
      await atLimit.discard()
      await expect(blobs.stage(chunked(Buffer.alloc(11), 4), { maxBytes: 10 })).rejects.toMatchObject({
        code: 'too-large',
        details: { limit: 10 },
      })
      expect(await stored()).toEqual([])
    })

    test('a body past its limit is not read on', async () => {
      let chunks = 0
      const endless = async function* () {
        while (true) {
          chunks += 1
          yield Buffer.alloc(1000)
        }
      }
      await expect(blobs.stage(endless(), { maxBytes: 2500 })).rejects.toMatchObject({ code: 'too-large' })
      expect(chunks).toBe(3)
    })

    test('an error of the source comes through as it is', async () => {
      const broken = async function* () {
        yield Buffer.from('half')
        throw new RangeError('cable cut')
      }
      await expect(blobs.stage(broken(), NO_LIMIT)).rejects.toThrow(new RangeError('cable cut'))
      expect(await stored()).toEqual([])
    })

    test.each([
      ['at the start', 0],
      ['in the middle', 150_000],
      ['across a border of 256 KiB', 262_140],
      ['at the very end', 300_000 - 9],
    ])('a byte string is found %s, before and after commit', async (_where, at) => {
      const body = Buffer.alloc(300_000, '.')
      body.write('v1.2.3-ä', at)
      const staged = await blobs.stage(chunked(body, 65_536), NO_LIMIT)
      expect(await staged.contains('v1.2.3-ä')).toBe(true)
      expect(await staged.contains('v1.2.4')).toBe(false)
      await staged.commit()
      expect(await staged.contains('v1.2.3-ä')).toBe(true)
    })

    test('reads give any span, and 0 at the end', async () => {
      const digests = await store(Buffer.from('0123456789'))
      const blob = await blobs.open(digests.sha256, digests.size)
      const buffer = Buffer.alloc(4)
      expect(await blob.read(buffer, 3)).toBe(4)
      expect(buffer.toString()).toBe('3456')
      expect(await blob.read(buffer, 8)).toBe(2)
      expect(buffer.subarray(0, 2).toString()).toBe('89')
      expect(await blob.read(buffer, 10)).toBe(0)
      await blob.close()
      await blob.close()
    })

    test('a size that differs from the record is damage', async () => {
      const digests = await store(Buffer.from('0123456789'))
      await expect(blobs.open(digests.sha256, 11)).rejects.toMatchObject({ code: 'blob-damaged' })
    })

    test.each(['', '..', '../../etc/passwd', 'A'.repeat(64), `${'a'.repeat(63)}/`, 'g'.repeat(64)])(
      'a name that is no digest is missing: %j',
      async (name) => {
        await expect(blobs.open(name, 1)).rejects.toMatchObject({ code: 'blob-missing' })
        expect(await blobs.exists(name)).toBe(false)
        await blobs.delete(name)
      },
    )

    test('a reader keeps a body that is deleted meanwhile', async () => {
      const digests = await store(Buffer.from('0123456789'))
      const blob = await blobs.open(digests.sha256, digests.size)
      await blobs.delete(digests.sha256)
      expect(await blobs.exists(digests.sha256)).toBe(false)
      const buffer = Buffer.alloc(10)
      expect(await blob.read(buffer, 0)).toBe(10)
      expect(buffer.toString()).toBe('0123456789')
      await blob.close()
    })

    test('deleting twice is no error, and the body can come back', async () => {
      const digests = await store(Buffer.from('back'))
      await blobs.delete(digests.sha256)
      await blobs.delete(digests.sha256)
      await store(Buffer.from('back'))
      expect((await bytesOf(blobs, digests)).toString()).toBe('back')
    })

    test('the list has every committed body and nothing else', async () => {
      const digests = await Promise.all(['one', 'two', 'three'].map((text) => store(Buffer.from(text))))
      const pending = await blobs.stage(chunked(Buffer.from('pending'), 3), NO_LIMIT)
      expect(await stored()).toEqual(digests.map((each) => each.sha256).sort())
      await pending.discard()
    })

    test('sweeping leaves what this process is receiving', async () => {
      const staged = await blobs.stage(chunked(Buffer.from('under way'), 3), NO_LIMIT)
      expect(await blobs.sweep()).toBe(0)
      await staged.commit()
      expect((await bytesOf(blobs, staged.digests)).toString()).toBe('under way')
    })

    test('a healthy store passes its check and shows no trace of it', async () => {
      await blobs.check()
      expect(await stored()).toEqual([])
    })
  })
}

async function* chunked(body: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size)
}

function digest(algorithm: string, body: Uint8Array): string {
  return createHash(algorithm).update(body).digest('hex')
}

async function bytesOf(blobs: Blobs, { sha256, size }: { sha256: string; size: number }): Promise<Buffer> {
  const blob = await blobs.open(sha256, size)
  try {
    const buffer = Buffer.alloc(size)
    for (let position = 0; position < size; ) {
      const read = await blob.read(buffer.subarray(position), position)
      if (read === 0) throw new Error('Body is shorter than its record')
      position += read
    }
    return buffer
  } finally {
    await blob.close()
  }
}
