import { type FileHandle, open, rm } from 'node:fs/promises'
import type { BlobDigests, StagedBlob } from '../../core/blobs.ts'
import { onDisk, tooLarge } from './blob-errors.ts'
import { BodyDigest } from './body-digest.ts'
import { ByteSearch } from './byte-search.ts'

const SCAN_BYTES = 256 * 1024

export interface StagedFileOptions {
  readonly maxBytes: number
  /** Moves the temporary file to where its digest belongs, durably, and returns the new path. */
  readonly place: (temporary: string, digests: BlobDigests) => Promise<string>
}

/**
 * Streams `source` into the new file `path`, hashing, and flushes it. On any failure the file is removed before the
 * error is thrown: `too-large`, `storage-failed`, or the source's own.
 */
export async function stageFile(
  path: string,
  source: AsyncIterable<Uint8Array>,
  options: StagedFileOptions,
): Promise<StagedBlob> {
  const digest = new BodyDigest()
  const file = await onDisk('creating a temporary file', open(path, 'wx', 0o600))
  try {
    try {
      await writeBody(file, source, { digest, maxBytes: options.maxBytes })
      await onDisk('flushing', file.sync())
    } finally {
      await file.close()
    }
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
  return new StagedFile(path, digest.finish(), options.place)
}

interface BodyOptions {
  readonly digest: BodyDigest
  readonly maxBytes: number
}

/** Writes a body to the end of an open file; asks the source for more only when the disk has taken the last chunk. */
export async function writeBody(
  file: FileHandle,
  source: AsyncIterable<Uint8Array>,
  { digest, maxBytes }: BodyOptions,
): Promise<void> {
  for await (const chunk of source) {
    if (digest.size + chunk.length > maxBytes) throw tooLarge(maxBytes)
    const written = writeAll(file, chunk)
    digest.update(chunk)
    await onDisk('writing', written)
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let offset = 0; offset < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, offset, chunk.length - offset)
    offset += bytesWritten
  }
}

class StagedFile implements StagedBlob {
  readonly digests: BlobDigests
  readonly head: Uint8Array
  readonly #place: StagedFileOptions['place']
  #path: string
  #committed: Promise<void> | undefined

  constructor(path: string, body: { digests: BlobDigests; head: Uint8Array }, place: StagedFileOptions['place']) {
    this.#path = path
    this.digests = body.digests
    this.head = body.head
    this.#place = place
  }

  async contains(needle: string): Promise<boolean> {
    const search = new ByteSearch(needle)
    const file = await onDisk('opening', open(this.#path, 'r'))
    try {
      const buffer = Buffer.allocUnsafeSlow(SCAN_BYTES)
      while (!search.found) {
        const { bytesRead } = await onDisk('reading', file.read(buffer, 0, buffer.length))
        if (bytesRead === 0) break
        search.push(buffer.subarray(0, bytesRead))
      }
      return search.found
    } finally {
      await file.close()
    }
  }

  commit(): Promise<void> {
    this.#committed ??= this.#commit()
    return this.#committed
  }

  async discard(): Promise<void> {
    if (this.#committed === undefined) await rm(this.#path, { force: true }).catch(() => {})
  }

  async #commit(): Promise<void> {
    try {
      this.#path = await this.#place(this.#path, this.digests)
    } catch (error) {
      await rm(this.#path, { force: true }).catch(() => {})
      throw error
    }
  }
}
