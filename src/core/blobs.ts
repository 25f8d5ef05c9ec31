/** What a body hashed to. Digests are lower-case hex; `size` is in bytes. */
export interface BlobDigests {
  readonly sha256: string
  readonly sha1: string
  readonly md5: string
  readonly size: number
}

/**
 * A body received and hashed, not yet part of the store: `commit` makes it durable and visible, `discard` forgets it.
 * Exactly one of them must be called. Nobody else sees the bytes before `commit` has resolved.
 */
export interface StagedBlob {
  readonly digests: BlobDigests
  /** The first bytes, at most 64 KiB: enough to look for a magic number. */
  readonly head: Uint8Array
  /** Whether the UTF-8 bytes of `needle` occur anywhere in the body. Reads the body once, in bounded memory. */
  contains(needle: string): Promise<boolean>
  /**
   * Makes the body durable and visible under its sha256. A body that is stored already is replaced by its equal, which
   * also heals a damaged copy. Safe to call again. Throws `OtaError('storage-failed')` or `'storage-full'`; nothing is
   * visible then.
   */
  commit(): Promise<void>
  /** Forgets the body; never rejects, and does nothing after `commit`. */
  discard(): Promise<void>
}

/** An open body: it stays readable, unchanged, until `close`, even when the blob is deleted or replaced meanwhile. */
export interface OpenBlob {
  readonly size: number
  /** The whole body, where it is in memory anyway: for reading alone, until `close`. */
  readonly memory?: Uint8Array
  /**
   * Copies bytes from `position` on into `buffer` and returns how many: 0 only at the end or for an empty buffer,
   * and fewer than asked for at any time.
   */
  read(buffer: Uint8Array, position: number): Promise<number>
  /** Releases the file; safe to call twice. */
  close(): Promise<void>
}

/** Bytes from `start` to `end`, both inclusive. */
export interface BlobSpan {
  readonly start: number
  readonly end: number
}

/** Where bytes live, addressed by the sha256 of their content. Bodies pass through in bounded memory. */
export interface Blobs {
  /**
   * Streams a body to a temporary place, hashing, and flushes it to the disk. Throws `OtaError('too-large')` as soon as
   * `maxBytes` is passed, `OtaError('storage-full')` when there is no room and `OtaError('storage-failed')` when the store
   * refuses otherwise; an error of `source` passes through as it is. Whatever is thrown, nothing is left behind.
   */
  stage(source: AsyncIterable<Uint8Array>, options: { readonly maxBytes: number }): Promise<StagedBlob>
  /**
   * Opens a stored body. `size` is what the caller's record says.
   * Throws `OtaError('blob-missing')` when absent, `OtaError('blob-damaged')` when its size differs from `size` or its
   * bytes are known not to hash to `sha256`. `likely` tells a distant store what will be read, and binds nobody; null:
   * nothing.
   */
  open(sha256: string, size: number, likely?: BlobSpan | null): Promise<OpenBlob>
  /**
   * An address from which whoever has it can read the body for a short while, without asking this server; undefined
   * when this store gives none. Throws as `open` does.
   */
  link(sha256: string, size: number): Promise<string | undefined>
  exists(sha256: string): Promise<boolean>
  /** Removes a body; one that is absent is no error. Readers that hold it open keep it. */
  delete(sha256: string): Promise<void>
  /** The sha256 of every stored body, in no particular order. */
  list(): AsyncIterable<string>
  /** Removes temporary leftovers of earlier processes and returns how many there were. */
  sweep(): Promise<number>
  /** Rejects with `OtaError('storage-failed')` when the store cannot be written. */
  check(): Promise<void>
}
