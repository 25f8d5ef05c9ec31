import type { FileHandle } from 'node:fs/promises'
import type { OpenBlob } from '../../core/blobs.ts'
import { onDisk } from './blob-errors.ts'

/** An open file as a body. The file system keeps its bytes while it is open, whatever happens to its name. */
export class OpenFile implements OpenBlob {
  readonly size: number
  readonly #file: FileHandle
  #closing: Promise<void> | undefined

  constructor(file: FileHandle, size: number) {
    this.#file = file
    this.size = size
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const { bytesRead } = await onDisk('reading', this.#file.read(buffer, 0, buffer.length, position))
    return bytesRead
  }

  close(): Promise<void> {
    this.#closing ??= this.#file.close()
    return this.#closing
  }
}
