import type { BlobSpan, Blobs, OpenBlob, StagedBlob } from '../../core/blobs.ts'
import { isOtaError } from '../../core/errors.ts'

/**
 * Two stores as one, while bodies move from the second to the first: what is new goes to the first; what the first
 * lacks, or has damaged, is read from the second. A body that is moved at this moment is found in either. Deletion is
 * from both.
 */
export class FallbackBlobs implements Blobs {
  readonly #first: Blobs
  readonly #second: Blobs

  constructor(first: Blobs, second: Blobs) {
    this.#first = first
    this.#second = second
  }

  stage(source: AsyncIterable<Uint8Array>, options: { readonly maxBytes: number }): Promise<StagedBlob> {
    return this.#first.stage(source, options)
  }

  open(sha256: string, size: number, likely?: BlobSpan | null): Promise<OpenBlob> {
    return this.#fromEither((blobs) => blobs.open(sha256, size, likely))
  }

  link(sha256: string, size: number): Promise<string | undefined> {
    return this.#fromEither((blobs) => blobs.link(sha256, size))
  }

  async exists(sha256: string): Promise<boolean> {
    // Once more, for what was moved between the two questions.
    for (const blobs of [this.#first, this.#second, this.#first]) if (await blobs.exists(sha256)) return true
    return false
  }

  async delete(sha256: string): Promise<void> {
    await this.#second.delete(sha256)
    await this.#first.delete(sha256)
  }

  async *list(): AsyncGenerator<string> {
    const listed = new Set<string>()
    for (const blobs of [this.#first, this.#second])
      for await (const sha256 of blobs.list()) {
        if (!listed.has(sha256)) yield sha256
        listed.add(sha256)
      }
  }

  async sweep(): Promise<number> {
    return (await this.#first.sweep()) + (await this.#second.sweep())
  }

  async check(): Promise<void> {
    await Promise.all([this.#first.check(), this.#second.check()])
  }

  /** What the first says counts, unless the second has the body. */
  async #fromEither<T>(ask: (blobs: Blobs) => Promise<T>): Promise<T> {
    try {
      return await ask(this.#first)
    } catch (error) {
      if (!isOtaError(error, 'blob-missing') && !isOtaError(error, 'blob-damaged')) throw error
      try {
        return await ask(this.#second)
      } catch (second) {
        if (!isOtaError(second, 'blob-missing')) throw second
        if (isOtaError(error, 'blob-damaged')) throw error
        return await ask(this.#first)
      }
    }
  }
}
