import { randomUUID } from 'node:crypto'
import { mkdir, open, opendir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlobDigests, Blobs, OpenBlob, StagedBlob } from '../../core/blobs.ts'
import { blobDamaged, blobMissing, errorCode, onDisk, storageFailed } from './blob-errors.ts'
import { blobPlace, isBlobName } from './blob-path.ts'
import { BlobVerifier, hashFile, stampOf } from './blob-verifier.ts'
import { syncDirectory } from './durable.ts'
import { OpenFile } from './open-file.ts'
import { stageFile } from './staged-file.ts'
import { isLeftover, temporaryPrefix } from './temporary-name.ts'

export interface FilesystemBlobsOptions {
  readonly verifier?: BlobVerifier
}

/**
 * Bodies as files: `<root>/blobs/ab/cd/<sha256>`, temporary ones in `<root>/tmp/` of the same file system. Files are
 * 0600, directories 0700. One host per directory; several processes of one host may share it.
 */
export class FilesystemBlobs implements Blobs {
  readonly #blobs: string
  readonly #temporary: string
  readonly #verifier: BlobVerifier
  readonly #prefix = temporaryPrefix()

  private constructor(root: string, verifier: BlobVerifier) {
    this.#blobs = join(root, 'blobs')
    this.#temporary = join(root, 'tmp')
    this.#verifier = verifier
  }

  /** Opens the store, making its directories where they are missing. Throws `OtaError('storage-failed')`. */
  static async open(root: string, options: FilesystemBlobsOptions = {}): Promise<FilesystemBlobs> {
    const blobs = new FilesystemBlobs(root, options.verifier ?? new BlobVerifier())
    for (const directory of [blobs.#blobs, blobs.#temporary]) {
      await onDisk('making its directories', mkdir(directory, { recursive: true, mode: 0o700 }))
    }
    await onDisk('flushing its directories', syncDirectory(root))
    return blobs
  }

  stage(source: AsyncIterable<Uint8Array>, options: { readonly maxBytes: number }): Promise<StagedBlob> {
    return stageFile(this.#temporaryPath(), source, {
      maxBytes: options.maxBytes,
      place: (temporary, digests) => this.#place(temporary, digests),
    })
  }

  async open(sha256: string, size: number): Promise<OpenBlob> {
    if (!isBlobName(sha256)) throw blobMissing(sha256)
    const { file: path } = blobPlace(this.#blobs, sha256)
    const file = await open(path, 'r').catch((error: unknown) => {
      throw errorCode(error) === 'ENOENT' ? blobMissing(sha256, error) : storageFailed('opening', error)
    })
    try {
      const stamp = stampOf(await onDisk('opening', file.stat()))
      if (stamp.size !== size) throw blobDamaged(sha256, `${stamp.size} bytes in place of ${size}`)
      await this.#verifier.admit(sha256, stamp, () => hashFile(path))
      return new OpenFile(file, size)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async exists(sha256: string): Promise<boolean> {
    if (!isBlobName(sha256)) return false
    try {
      return (await stat(blobPlace(this.#blobs, sha256).file)).isFile()
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return false
      throw storageFailed('looking', error)
    }
  }

  async delete(sha256: string): Promise<void> {
    if (!isBlobName(sha256)) return
    this.#verifier.forget(sha256)
    await onDisk('deleting', rm(blobPlace(this.#blobs, sha256).file, { force: true }))
  }

  async *list(): AsyncGenerator<string> {
    const entries = await onDisk('listing', opendir(this.#blobs, { recursive: true }))
    for await (const entry of entries) {
      if (entry.isFile() && isBlobName(entry.name)) yield entry.name
    }
  }

  async sweep(): Promise<number> {
    const names = await onDisk('sweeping', readdir(this.#temporary))
    const leftovers = names.filter((name) => isLeftover(name, this.#prefix))
    for (const name of leftovers) await onDisk('sweeping', rm(join(this.#temporary, name), { force: true }))
    return leftovers.length
  }

  async link(): Promise<undefined> {}

  async check(): Promise<void> {
    const path = this.#temporaryPath()
    try {
      const file = await open(path, 'wx', 0o600)
      try {
        await file.write('ok')
        await file.sync()
      } finally {
        await file.close()
      }
    } catch (error) {
      throw storageFailed('writing', error)
    } finally {
      await rm(path, { force: true }).catch(() => {})
    }
  }

  async #place(temporary: string, digests: BlobDigests): Promise<string> {
    const { directory, file } = blobPlace(this.#blobs, digests.sha256)
    try {
      const made = await mkdir(directory, { recursive: true, mode: 0o700 })
      await rename(temporary, file)
      await syncDirectory(directory)
      if (made !== undefined) {
        await syncDirectory(join(directory, '..'))
        await syncDirectory(this.#blobs)
      }
      this.#verifier.trust(digests.sha256, stampOf(await stat(file)))
    } catch (error) {
      throw storageFailed('committing', error)
    }
    return file
  }

  #temporaryPath(): string {
    return join(this.#temporary, `${this.#prefix}${randomUUID()}`)
  }
}
