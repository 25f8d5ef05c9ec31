import { join } from 'node:path'

const SHA256 = /^[0-9a-f]{64}$/

/** Whether a name can be that of a stored body. */
export function isBlobName(name: string): boolean {
  return SHA256.test(name)
}

/** Where a body lies below the folder of all bodies, with `/` on every system. `sha256` must be a blob name. */
export function blobPath(sha256: string): string {
  return `${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}`
}

export interface BlobPlace {
  readonly directory: string
  readonly file: string
}

/** `<blobs>/ab/cd/<sha256>`: no directory ever holds more than a few thousand entries. `sha256` must be a blob name. */
export function blobPlace(blobs: string, sha256: string): BlobPlace {
  const directory = join(blobs, sha256.slice(0, 2), sha256.slice(2, 4))
  return { directory, file: join(directory, sha256) }
}
