import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BlobDigests, BlobSpan, Blobs, OpenBlob, StagedBlob } from '../../../core/blobs.ts'
import { OtaError } from '../../../core/errors.ts'
import { blobDamaged, blobMissing, onDisk } from '../blob-errors.ts'
import { isBlobName } from '../blob-path.ts'
import { BlobVerifier } from '../blob-verifier.ts'
import { stageFile } from '../staged-file.ts'
import { isLeftover, temporaryPrefix } from '../temporary-name.ts'
import { PartBuffers } from './part-buffers.ts'
import { S3Bucket, type S3Object } from './s3-bucket.ts'
import { S3Reader } from './s3-reader.ts'
import type { S3Settings } from './s3-settings.ts'
import { StagedForS3 } from './staged-for-s3.ts'
import { uploadFile } from './upload-file.ts'

export interface S3BlobsOptions {
  readonly settings: S3Settings
  /** On a local disk; what is received waits in `<folder>/tmp` until it is committed. */
  readonly folder: string
  /** Epoch ms. */
  readonly now: () => number
  readonly verifier?: BlobVerifier
}

const BODIES = 'blobs/'
const CHECKS = 'check/'
const HOUR_MS = 3_600_000
const HASH_BYTES = 256 * 1024
/**
 * Pauses before each look at what was stored. One is enough for S3, which replaces objects in one step; on others the same
 * object, written by another process at this moment, may be seen by halves.
 */
const LOOKS_MS = [0, 50, 200, 800]

/**
 * Bodies as objects `<prefix>blobs/<sha256>`. What is received goes to a local file first, hashed, so that nothing of it
 * is in the bucket before it is committed; then it is uploaded under its name, where it appears in one step. A commit that
 * resolves has proof of the right bytes in the bucket: an ETag made of the hashes of just these parts, or it has read
 * them back. Any number of processes may share a bucket.
 */
export class S3Blobs implements Blobs {
  readonly #bucket: S3Bucket
  readonly #settings: S3Settings
  readonly #buffers: PartBuffers
  readonly #verifier: BlobVerifier
  readonly #temporary: string
  readonly #now: () => number
  readonly #prefix = temporaryPrefix()
  #goodUntil = 0

  private constructor({ settings, folder, now, verifier }: S3BlobsOptions) {
    const { limits } = settings
    this.#settings = settings
    this.#bucket = new S3Bucket(settings)
    this.#buffers = new PartBuffers(limits.partBuffers, limits.partBytes)
    this.#verifier = verifier ?? new BlobVerifier()
    this.#temporary = join(folder, 'tmp')
    this.#now = now
  }

  /** Makes the local folder and asks the bucket for nothing. Throws `OtaError('storage-failed')`. */
  static async open(options: S3BlobsOptions): Promise<S3Blobs> {
    const blobs = new S3Blobs(options)
    await onDisk('making its directories', mkdir(blobs.#temporary, { recursive: true, mode: 0o700 }))
    return blobs
  }

  async stage(source: AsyncIterable<Uint8Array>, options: { readonly maxBytes: number }): Promise<StagedBlob> {
    const path = join(this.#temporary, `${this.#prefix}${randomUUID()}`)
    const local = await stageFile(path, source, { maxBytes: options.maxBytes, place: async (file) => file })
    return new StagedForS3(local, {
      path,
      upload: () => this.#store(path, local.digests),
      open: () => this.open(local.digests.sha256, local.digests.size),
    })
  }

  async open(sha256: string, size: number, likely?: BlobSpan | null): Promise<OpenBlob> {
    if (!isBlobName(sha256)) throw blobMissing(sha256)
    const span = likely === undefined ? { start: 0, end: size - 1 } : likely
    if (span === null || span.end < span.start) {
      const object = await this.#admitted(sha256, size)
      return new S3Reader(this.#source(sha256, object))
    }
    const isPart = span.start > 0 || span.end < size - 1
    const body = await this.#bucket.get(this.#key(sha256), isPart ? { span } : {})
    if (body === undefined) throw blobMissing(sha256)
    try {
      await this.#admit(sha256, size, body)
      return new S3Reader(this.#source(sha256, body), { body, span })
    } catch (error) {
      body.abort()
      throw error
    }
  }

  async link(sha256: string, size: number): Promise<string | undefined> {
    if (this.#settings.links === undefined) return undefined
    await this.#admitted(sha256, size)
    return this.#bucket.link(this.#key(sha256), this.#settings.limits.redirectSeconds)
  }

  async exists(sha256: string): Promise<boolean> {
    return isBlobName(sha256) && (await this.#bucket.head(this.#key(sha256))) !== undefined
  }

  async delete(sha256: string): Promise<void> {
    if (!isBlobName(sha256)) return
    this.#verifier.forget(sha256)
    await this.#bucket.delete(this.#key(sha256))
  }

  async *list(): AsyncGenerator<string> {
    const start = this.#key('').length
    for await (const { key } of this.#bucket.list(BODIES)) if (isBlobName(key.slice(start))) yield key.slice(start)
  }

  /** Other processes share the bucket: what they have under way is left to them for `leftoverHours`. */
  async sweep(): Promise<number> {
    const names = (await onDisk('sweeping', readdir(this.#temporary))).filter((name) => isLeftover(name, this.#prefix))
    for (const name of names) await onDisk('sweeping', rm(join(this.#temporary, name), { force: true }))
    let swept = names.length
    const before = this.#now() - this.#settings.limits.leftoverHours * HOUR_MS
    for await (const upload of this.#bucket.unfinished(BODIES)) {
      if (upload.at >= before) continue
      await this.#bucket.abort(upload)
      swept += 1
    }
    for await (const { key, at } of this.#bucket.list(CHECKS)) {
      if (at >= before) continue
      await this.#bucket.delete(key)
      swept += 1
    }
    return swept
  }

  /** Writes, reads and deletes a small object. A good answer is good for `checkSeconds`. */
  async check(): Promise<void> {
    if (this.#now() < this.#goodUntil) return
    const key = `${this.#settings.prefix}${CHECKS}${randomUUID()}`
    if ((await this.#bucket.head(key)) !== undefined)
      throw new OtaError('storage-failed', 'Blob store: S3 says of what does not exist that it does')
    await this.#bucket.put(key, Buffer.from('ok'))
    try {
      if ((await this.#bucket.head(key))?.size !== 2)
        throw new OtaError('storage-failed', 'Blob store: S3 keeps other bytes than it was sent')
    } finally {
      await this.#bucket.delete(key)
    }
    this.#goodUntil = this.#now() + this.#settings.limits.checkSeconds * 1000
  }

  /** A sound object is never written over: it is equal, and others may be reading it. */
  async #store(path: string, { sha256, md5, size }: BlobDigests): Promise<void> {
    const key = this.#key(sha256)
    const there = await this.#bucket.head(key)
    if (there?.size === size && (await this.#isSound(sha256, there))) return
    const tag = await uploadFile({ bucket: this.#bucket, buffers: this.#buffers, key, path, size })
    let stored: S3Object | undefined
    for (const pause of LOOKS_MS) {
      await sleep(pause)
      stored = await this.#bucket.head(key)
      if (stored?.size !== size) continue
      if (stored.etag === tag || stored.etag === `"${md5}"`)
        return this.#verifier.trust(sha256, { size, version: stored.etag })
      if (await this.#isSound(sha256, stored)) return
    }
    if (stored === undefined)
      throw new OtaError('storage-failed', 'Blob store: S3 lost a file, or it was deleted meanwhile', {
        details: { sha256 },
      })
    // Nothing refers to it yet, and under this name nothing wrong may stay.
    await this.#bucket.delete(key).catch(() => undefined)
    throw new OtaError('storage-failed', 'Blob store: S3 keeps other bytes than it was sent', { details: { sha256 } })
  }

  async #isSound(sha256: string, object: S3Object): Promise<boolean> {
    const stamp = { size: object.size, version: object.etag }
    if (this.#verifier.knows(sha256, stamp)) return true
    if ((await this.#hash(sha256, object)) !== sha256) return false
    this.#verifier.trust(sha256, stamp)
    return true
  }

  async #admitted(sha256: string, size: number): Promise<S3Object> {
    const object = isBlobName(sha256) ? await this.#bucket.head(this.#key(sha256)) : undefined
    if (object === undefined) throw blobMissing(sha256)
    await this.#admit(sha256, size, object)
    return object
  }

  async #admit(sha256: string, size: number, object: S3Object): Promise<void> {
    if (object.size !== size) throw blobDamaged(sha256, `${object.size} bytes in place of ${size}`)
    const stamp = { size: object.size, version: object.etag }
    await this.#verifier.admit(sha256, stamp, () => this.#hash(sha256, object))
  }

  async #hash(sha256: string, object: S3Object): Promise<string> {
    const reader = new S3Reader(this.#source(sha256, object))
    try {
      const hash = createHash('sha256')
      const buffer = Buffer.allocUnsafeSlow(HASH_BYTES)
      for (let position = 0; position < reader.size; ) {
        const read = await reader.read(buffer, position)
        hash.update(buffer.subarray(0, read))
        position += read
      }
      return hash.digest('hex')
    } finally {
      await reader.close()
    }
  }

  #source(sha256: string, { size, etag }: S3Object) {
    const { attempts } = this.#settings.limits
    return { bucket: this.#bucket, key: this.#key(sha256), sha256, size, etag, attempts }
  }

  #key(sha256: string): string {
    return `${this.#settings.prefix}${BODIES}${sha256}`
  }
}
