import { createHash } from 'node:crypto'
import type { BlobDigests } from '../../core/blobs.ts'

const HEAD_BYTES = 64 * 1024

/** Hashes a body as it passes, and keeps its first bytes. */
export class BodyDigest {
  readonly #sha256 = createHash('sha256')
  readonly #sha1 = createHash('sha1')
  readonly #md5 = createHash('md5')
  readonly #head: Uint8Array[] = []
  #headSize = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  update(chunk: Uint8Array): void {
    this.#size += chunk.length
    this.#sha256.update(chunk)
    this.#sha1.update(chunk)
    this.#md5.update(chunk)
    if (this.#headSize >= HEAD_BYTES) return
    // A copy: the source may use its buffer again.
    const kept = Uint8Array.from(chunk.subarray(0, HEAD_BYTES - this.#headSize))
    this.#head.push(kept)
    this.#headSize += kept.length
  }

  /** Ends the hashing; call once. */
  finish(): { readonly digests: BlobDigests; readonly head: Uint8Array } {
    const digests = {
      sha256: this.#sha256.digest('hex'),
      sha1: this.#sha1.digest('hex'),
      md5: this.#md5.digest('hex'),
      size: this.#size,
    }
    return { digests, head: Buffer.concat(this.#head) }
  }
}
