import { isOtaError, OtaError } from '../../core/errors.ts'

/** The body passed `limit` bytes. */
export function tooLarge(limit: number): OtaError {
  return new OtaError('too-large', `Body is larger than ${limit} bytes`, { details: { limit } })
}

export function blobMissing(sha256: string, cause?: unknown): OtaError {
  return new OtaError('blob-missing', 'Stored file is missing', { cause, details: { sha256 } })
}

export function blobDamaged(sha256: string, reason: string): OtaError {
  return new OtaError('blob-damaged', `Stored file is damaged: ${reason}`, { details: { sha256, reason } })
}

/** Disk, quota, or the largest file that may be written. */
const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** Translates what the disk refused: `storage-full` or `storage-failed`; an `OtaError` stays as it is. */
export function storageFailed(doing: string, cause: unknown): OtaError {
  if (isOtaError(cause)) return cause
  const code = errorCode(cause)
  const isFull = FULL.has(code)
  const message = isFull ? 'The blob store has no space left' : `Blob store: ${doing} failed`
  return new OtaError(isFull ? 'storage-full' : 'storage-failed', message, {
    cause,
    details: code === '' ? {} : { code },
  })
}

/** Awaits one step against the disk, translating its failure. */
export async function onDisk<T>(doing: string, step: Promise<T>): Promise<T> {
  try {
    return await step
  } catch (error) {
    throw storageFailed(doing, error)
  }
}

/** `ENOENT`, `ENOSPC`, ...; empty when it is not a system error. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
