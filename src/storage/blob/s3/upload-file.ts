import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { OtaError } from '../../../core/errors.ts'
import { onDisk } from '../blob-errors.ts'
import type { PartBuffers } from './part-buffers.ts'
import type { S3Bucket, S3Part, S3Upload } from './s3-bucket.ts'

/** S3's own limit. */
const MOST_PARTS = 10_000

export interface FileUpload {
  readonly bucket: S3Bucket
  readonly buffers: PartBuffers
  readonly key: string
  readonly path: string
  readonly size: number
}

/**
 * Makes a file an object. It is uploaded in parts, small files too: under the key nothing stands before the server has
 * every part, and then all of it at once, even on servers whose plain writes can be seen half done. Parts go several at
 * a time, as far as buffers are free. Answers the ETag that S3 gives an object of these very parts. Nothing is left behind when it throws `storage-failed`, unless the server cannot
 * be reached; `S3Blobs.sweep` removes that.
 */
export async function uploadFile(what: FileUpload): Promise<string> {
  const { bucket, buffers, key, path, size } = what
  // No upload can consist of no part.
  if (size === 0) {
    await bucket.put(key, new Uint8Array(0))
    return ''
  }
  if (size > MOST_PARTS * buffers.size)
    throw new OtaError(
      'storage-failed',
      `Blob store: a body of ${size} bytes needs more than 10000 parts; raise s3.partBytes`,
    )
  const file = await onDisk('opening', open(path, 'r'))
  try {
    const upload = await bucket.begin(key)
    try {
      const parts = await uploadParts({ ...what, file, upload })
      await bucket.complete(upload, parts).catch(async (error) => {
        // An earlier try may have come through, of which the answer was lost: the server knows the upload no more then.
        if ((await bucket.head(key))?.size !== size) throw error
      })
      return tagOf(parts)
    } catch (error) {
      await bucket.abort(upload)
      throw error
    }
  } finally {
    await file.close()
  }
}

type HashedPart = S3Part & { readonly md5: Buffer }

type Parts = FileUpload & { readonly file: FileHandle; readonly upload: S3Upload }

/** The first failure ends the others. */
async function uploadParts(what: Parts): Promise<HashedPart[]> {
  const { buffers, size } = what
  const count = Math.ceil(size / buffers.size)
  const failed = new AbortController()
  const parts: HashedPart[] = []
  let next = 1
  const work = async () => {
    while (next <= count && !failed.signal.aborted) {
      const number = next
      next += 1
      parts.push(await uploadPart(what, number, failed.signal))
    }
  }
  // What the others say after it is only that they were called off.
  const worker = () => work().catch((error: unknown) => failed.abort(error))
  await Promise.all(Array.from({ length: Math.min(count, buffers.count) }, worker))
  failed.signal.throwIfAborted()
  return parts.sort((a, b) => a.number - b.number)
}

async function uploadPart(
  { bucket, buffers, file, upload, size }: Parts,
  number: number,
  signal: AbortSignal,
): Promise<HashedPart> {
  const start = (number - 1) * buffers.size
  const length = Math.min(buffers.size, size - start)
  const buffer = await buffers.acquire(length)
  let done = false
  try {
    const bytes = buffer.subarray(0, length)
    await readWhole(file, bytes, start)
    const md5 = createHash('md5').update(bytes).digest()
    const part = await bucket.part(upload, { number, bytes, md5: md5.toString('base64') }, signal)
    done = true
    return { ...part, md5 }
  } finally {
    buffers.release(buffer, done)
  }
}

/** `md5(md5 of each part)-<number of parts>`: what Amazon and most others answer, unless they encrypt under a key. */
function tagOf(parts: readonly HashedPart[]): string {
  const md5 = createHash('md5').update(Buffer.concat(parts.map((part) => part.md5)))
  return `"${md5.digest('hex')}-${parts.length}"`
}

async function readWhole(file: FileHandle, bytes: Buffer, start: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await onDisk('reading', file.read(bytes, at, bytes.length - at, start + at))
    if (bytesRead === 0) throw new OtaError('storage-failed', 'Blob store: a temporary file was cut short')
    at += bytesRead
  }
}
