import { rm } from 'node:fs/promises'
import type { BlobDigests, OpenBlob, StagedBlob } from '../../../core/blobs.ts'
import { ByteSearch } from '../byte-search.ts'

export interface StagedForS3Options {
  /** The local file. */
  readonly path: string
  /** Brings it into the bucket, whole and verified. */
  readonly upload: () => Promise<void>
  /** Opens what is in the bucket. */
  readonly open: () => Promise<OpenBlob>
}

const SCAN_BYTES = 256 * 1024

/** A body that waits in a local file for its upload. The file goes with the commit, also with one that failed. */
export class StagedForS3 implements StagedBlob {
  readonly digests: BlobDigests
  readonly head: Uint8Array
  readonly #local: StagedBlob
  readonly #options: StagedForS3Options
  #committed: Promise<void> | undefined

  constructor(local: StagedBlob, options: StagedForS3Options) {
    this.digests = local.digests
    this.head = local.head
    this.#local = local
    this.#options = options
  }

  contains(needle: string): Promise<boolean> {
    return this.#committed === undefined
      ? this.#local.contains(needle)
      : this.#committed.then(() => this.#containsStored(needle))
  }

  commit(): Promise<void> {
    this.#committed ??= this.#options.upload().finally(() => rm(this.#options.path, { force: true }).catch(() => {}))
    return this.#committed
  }

  async discard(): Promise<void> {
    if (this.#committed === undefined) await this.#local.discard()
  }

  async #containsStored(needle: string): Promise<boolean> {
    const search = new ByteSearch(needle)
    const blob = await this.#options.open()
    try {
      const buffer = Buffer.allocUnsafeSlow(SCAN_BYTES)
      for (let position = 0; !search.found && position < blob.size; ) {
        const read = await blob.read(buffer, position)
        search.push(buffer.subarray(0, read))
        position += read
      }
      return search.found
    } finally {
      await blob.close()
    }
  }
}
