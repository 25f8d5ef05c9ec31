import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { describeBlobs } from '../../core/blobs.contract.ts'
import type { BlobSpan, Blobs } from '../../core/blobs.ts'
import { FallbackBlobs } from './fallback-blobs.ts'
import { MemoryBlobs } from './memory-blobs.ts'

describeBlobs('two stores as one', async () => ({
  blobs: new FallbackBlobs(new MemoryBlobs(), new MemoryBlobs()),
  dispose: async () => {},
}))

describe('two stores as one', () => {
  let first: MemoryBlobs
  let second: MemoryBlobs
  let both: FallbackBlobs
  beforeEach(() => {
    first = new MemoryBlobs()
    second = new MemoryBlobs()
    both = new FallbackBlobs(first, second)
  })

  const store = async (into: Blobs, bytes: Uint8Array = randomBytes(100)) => {
    const staged = await into.stage(once(bytes), { maxBytes: 1000 })
    await staged.commit()
    return staged.digests.sha256
  }
  const listed = async () => {
    const names: string[] = []
    for await (const name of both.list()) names.push(name)
    return names.sort()
  }

  test('what is new goes to the first alone', async () => {
    const sha256 = await store(both)
    expect([await first.exists(sha256), await second.exists(sha256)]).toEqual([true, false])
  })

  test('what only the second has is there, and listed once where both have it', async () => {
    const body = randomBytes(100)
    const [old, shared] = [await store(second), await store(second, body)]
    await store(first, body)
    expect(await both.exists(old)).toBe(true)
    await (await both.open(old, 100)).close()
    expect(await listed()).toEqual([old, shared].sort())
  })

  test('deleting takes it from both', async () => {
    const body = randomBytes(100)
    const sha256 = await store(first, body)
    await store(second, body)
    await both.delete(sha256)
    expect([await first.exists(sha256), await second.exists(sha256)]).toEqual([false, false])
  })

  test('what is moved between the two questions is found', async () => {
    const body = randomBytes(100)
    const sha256 = await store(second, body)
    const moving = new (class extends MemoryBlobs {
      override async open(name: string, size: number, _likely?: BlobSpan | null) {
        await store(first, body)
        await second.delete(name)
        return second.open(name, size)
      }
    })()
    await (await new FallbackBlobs(first, moving).open(sha256, 100)).close()
  })

  test('a damaged body is read from the other, and told as damaged where there is no other', async () => {
    const body = randomBytes(100)
    const sha256 = await store(second, body)
    const damaged = new FallbackBlobs(new Damaged(), second)
    await (await damaged.open(sha256, 100)).close()
    await second.delete(sha256)
    await expect(damaged.open(sha256, 100)).rejects.toMatchObject({ code: 'blob-damaged' })
  })
})

/** Has whatever it is asked for, in another size. */
class Damaged extends MemoryBlobs {
  override async open(_sha256: string, size: number) {
    const staged = await this.stage(once(randomBytes(size + 1)), { maxBytes: size + 1 })
    await staged.commit()
    return super.open(staged.digests.sha256, size)
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
