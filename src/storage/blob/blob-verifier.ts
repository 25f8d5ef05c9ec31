import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { blobDamaged } from './blob-errors.ts'

/** One state of one file on the disk: it changes when the file is replaced or written to. */
export interface FileStamp {
  readonly size: number
  readonly ino: number
  readonly mtimeMs: number
}

interface Verdict {
  readonly stamp: FileStamp
  /** True for sound; settled once hashing has ended. */
  readonly isSound: Promise<boolean>
  /** Set once `isSound` has settled. */
  known: boolean | undefined
}

const IN_FOREGROUND_BYTES = 64 * 2 ** 20
const READ_BYTES = 1024 * 1024

/**
 * Hashes each stored file once per process, before it is first served. Files above 64 MiB are served meanwhile and
 * hashed in the background, one at a time; one found damaged is refused from then on. A file that changes on the disk
 * counts as new.
 */
export class BlobVerifier {
  readonly #verdicts = new Map<string, Verdict>()
  readonly #foregroundBytes: number
  #background: Promise<unknown> = Promise.resolve()

  /** `foregroundBytes`: largest file that is hashed before its first answer. */
  constructor(foregroundBytes = IN_FOREGROUND_BYTES) {
    this.#foregroundBytes = foregroundBytes
  }

  /** Resolves when the file at `path` may be served; throws `OtaError('blob-damaged')` when it must not. */
  async admit(sha256: string, stamp: FileStamp, path: string): Promise<void> {
    const verdict = this.#verdictOn(sha256, stamp, path)
    const mayWait = stamp.size <= this.#foregroundBytes
    const isSound = verdict.known ?? (mayWait ? await verdict.isSound : true)
    if (!isSound) throw blobDamaged(sha256, 'content does not match its hash')
  }

  /** The file was just written and hashed by this process. */
  trust(sha256: string, stamp: FileStamp): void {
    this.#verdicts.set(sha256, { stamp, isSound: Promise.resolve(true), known: true })
  }

  forget(sha256: string): void {
    this.#verdicts.delete(sha256)
  }

  /** Resolves when no hashing is going on in the background. */
  async settled(): Promise<void> {
    await this.#background
  }

  #verdictOn(sha256: string, stamp: FileStamp, path: string): Verdict {
    const kept = this.#verdicts.get(sha256)
    if (kept !== undefined && isSame(kept.stamp, stamp)) return kept
    const verdict: Verdict = { stamp, isSound: this.#hash(sha256, stamp, path), known: undefined }
    this.#verdicts.set(sha256, verdict)
    verdict.isSound.then(
      (isSound) => {
        verdict.known = isSound
      },
      // Unreadable, deleted, replaced: no verdict, so the next request looks again.
      () => {
        if (this.#verdicts.get(sha256) === verdict) this.#verdicts.delete(sha256)
      },
    )
    return verdict
  }

  #hash(sha256: string, stamp: FileStamp, path: string): Promise<boolean> {
    const compare = async () => (await hashFile(path)) === sha256
    if (stamp.size <= this.#foregroundBytes) return compare()
    const result = this.#background.then(compare)
    this.#background = result.catch(() => {})
    return result
  }
}

function isSame(a: FileStamp, b: FileStamp): boolean {
  return a.size === b.size && a.ino === b.ino && a.mtimeMs === b.mtimeMs
}

async function hashFile(path: string): Promise<string> {
  const file = await open(path, 'r')
  try {
    return await hashOpenFile(file)
  } finally {
    await file.close()
  }
}

async function hashOpenFile(file: FileHandle): Promise<string> {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
  while (true) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length)
    if (bytesRead === 0) return hash.digest('hex')
    hash.update(buffer.subarray(0, bytesRead))
  }
}
