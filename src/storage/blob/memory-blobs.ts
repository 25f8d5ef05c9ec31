import type { BlobDigests, Blobs, OpenBlob, StagedBlob } from '../../core/blobs.ts'
import { blobDamaged, blobMissing, tooLarge } from './blob-errors.ts'
import { BodyDigest } from './body-digest.ts'

/** Bodies in memory, for tests. */
export class MemoryBlobs implements Blobs {
  readonly #bodies = new Map<string, Uint8Array>()

  async stage(source: AsyncIterable<Uint8Array>, options: { readonly maxBytes: number }): Promise<StagedBlob> {
    const digest = new BodyDigest()
    const chunks: Uint8Array[] = []
    for await (const chunk of source) {
      if (digest.size + chunk.length > options.maxBytes) throw tooLarge(options.maxBytes)
      digest.update(chunk)
      chunks.push(Uint8Array.from(chunk))
    }
    const { digests, head } = digest.finish()
    return this.#staged(digests, head, Buffer.concat(chunks))
  }

  async open(sha256: string, size: number): Promise<OpenBlob> {
    const body = this.#bodies.get(sha256)
    if (body === undefined) throw blobMissing(sha256)
    if (body.length !== size) throw blobDamaged(sha256, `${body.length} bytes in place of ${size}`)
    return {
      size,
      async read(buffer, position) {
        const slice = body.subarray(position, position + buffer.length)
        buffer.set(slice)
        return slice.length
      },
      async close() {},
    }
  }

  async exists(sha256: string): Promise<boolean> {
    return this.#bodies.has(sha256)
  }

  async delete(sha256: string): Promise<void> {
    this.#bodies.delete(sha256)
  }

  async *list(): AsyncGenerator<string> {
    yield* this.#bodies.keys()
  }

  async sweep(): Promise<number> {
    return 0
  }

  async link(): Promise<undefined> {}

  async check(): Promise<void> {}

  #staged(digests: BlobDigests, head: Uint8Array, body: Buffer): StagedBlob {
    return {
      digests,
      head,
      contains: async (needle) => body.includes(needle),
      commit: async () => {
        this.#bodies.set(digests.sha256, body)
      },
      discard: async () => {},
    }
  }
}
