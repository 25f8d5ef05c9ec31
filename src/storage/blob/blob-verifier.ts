import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { blobDamaged } from './blob-errors.ts'

/** One state of one stored body: `version` changes when it is replaced or written to. */
export interface BlobStamp {
  readonly size: number
  readonly version: string
}

/** A file as it is on the disk now. */
export function stampOf({ size, ino, mtimeMs }: { size: number; ino: number; mtimeMs: number }): BlobStamp {
  return { size, version: `${ino}:${mtimeMs}` }
}

interface Verdict {
  readonly stamp: BlobStamp
  /** True for sound; settled once hashing has ended. */
  readonly isSound: Promise<boolean>
  /** Set once `isSound` has settled. */
  known: boolean | undefined
}

const IN_FOREGROUND_BYTES = 64 * 2 ** 20
const READ_BYTES = 1024 * 1024

/**
 * Hashes each stored body once per process, before it is first served. Bodies above 64 MiB are served meanwhile and
 * hashed in the background, one at a time; one found damaged is refused from then on. A body that changes in the store
 * counts as new.
 */
export class BlobVerifier {
  readonly #verdicts = new Map<string, Verdict>()
  readonly #foregroundBytes: number
  #background: Promise<unknown> = Promise.resolve()

  /** `foregroundBytes`: largest body that is hashed before its first answer. */
  constructor(foregroundBytes = IN_FOREGROUND_BYTES) {
    this.#foregroundBytes = foregroundBytes
  }

  /** Resolves when the body may be served, `hash` reading it; throws `OtaError('blob-damaged')` when it must not. */
  async admit(sha256: string, stamp: BlobStamp, hash: () => Promise<string>): Promise<void> {
    const verdict = this.#verdictOn(sha256, stamp, hash)
    const mayWait = stamp.size <= this.#foregroundBytes
    const isSound = verdict.known ?? (mayWait ? await verdict.isSound : true)
    if (!isSound) throw blobDamaged(sha256, 'content does not match its hash')
  }

  /** The body was just written and hashed by this process. */
  trust(sha256: string, stamp: BlobStamp): void {
    this.#verdicts.set(sha256, { stamp, isSound: Promise.resolve(true), known: true })
  }

  /** Whether this state of the body was found sound before. */
  knows(sha256: string, stamp: BlobStamp): boolean {
    const verdict = this.#verdicts.get(sha256)
    return verdict?.known === true && isSame(verdict.stamp, stamp)
  }

  forget(sha256: string): void {
    this.#verdicts.delete(sha256)
  }

  /** Resolves when no hashing is going on in the background. */
  async settled(): Promise<void> {
    await this.#background
  }

  #verdictOn(sha256: string, stamp: BlobStamp, hash: () => Promise<string>): Verdict {
    const kept = this.#verdicts.get(sha256)
    if (kept !== undefined && isSame(kept.stamp, stamp)) return kept
    const verdict: Verdict = { stamp, isSound: this.#hash(sha256, stamp, hash), known: undefined }
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

  #hash(sha256: string, stamp: BlobStamp, hash: () => Promise<string>): Promise<boolean> {
    const compare = async () => (await hash()) === sha256
    if (stamp.size <= this.#foregroundBytes) return compare()
    const result = this.#background.then(compare)
    this.#background = result.catch(() => {})
    return result
  }
}

function isSame(a: BlobStamp, b: BlobStamp): boolean {
  return a.size === b.size && a.version === b.version
}

/** SHA-256 of a file, lower-case hex. */
export async function hashFile(path: string): Promise<string> {
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
