/** Looks for a byte string in a stream of chunks, across their borders too. */
export class ByteSearch {
  readonly #needle: Buffer
  #tail: Buffer = Buffer.alloc(0)
  #found: boolean

  /** The UTF-8 bytes of `needle`; an empty one is found at once. */
  constructor(needle: string) {
    this.#needle = Buffer.from(needle, 'utf8')
    this.#found = this.#needle.length === 0
  }

  get found(): boolean {
    return this.#found
  }

  /** `chunk` may be overwritten afterwards. */
  push(chunk: Uint8Array): void {
    if (this.#found) return
    const overlap = this.#needle.length - 1
    const border = Buffer.concat([this.#tail, chunk.subarray(0, overlap)])
    const view = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    this.#found = border.includes(this.#needle) || view.includes(this.#needle)
    const last = Buffer.concat([this.#tail, chunk.subarray(-overlap || chunk.length)])
    this.#tail = overlap === 0 ? Buffer.alloc(0) : Buffer.from(last.subarray(-overlap))
  }
}
