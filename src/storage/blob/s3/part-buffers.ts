/** Bodies up to so many bytes have a buffer of their own, of their own size. */
const SMALL_BYTES = 64 * 1024

/**
 * The buffers of all uploads of a process: a fixed number of one size, handed out in the order of asking. They are used
 * again and again, so that memory does not depend on the collector. Holders give them back in bounded time.
 */
export class PartBuffers {
  readonly count: number
  readonly size: number
  readonly #free: Buffer[] = []
  readonly #waiting: Array<(buffer: Buffer) => void> = []
  #unmade: number

  constructor(count: number, size: number) {
    this.count = count
    this.#unmade = count
    this.size = size
  }

  /** A buffer of at least `bytes` bytes, which must not pass `size`; its content is left over from others. */
  acquire(bytes: number): Promise<Buffer> {
    if (bytes <= SMALL_BYTES) return Promise.resolve(Buffer.allocUnsafeSlow(bytes))
    const buffer = this.#free.pop()
    if (buffer !== undefined) return Promise.resolve(buffer)
    if (this.#unmade > 0) {
      this.#unmade -= 1
      return Promise.resolve(Buffer.allocUnsafeSlow(this.size))
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** `reusable` is false while something (a call that was given up) may still read from the buffer. */
  release(buffer: Buffer, reusable: boolean): void {
    if (buffer.length < this.size) return
    const kept = reusable ? buffer : undefined
    const next = this.#waiting.shift()
    if (next !== undefined) next(kept ?? Buffer.allocUnsafeSlow(this.size))
    else if (kept !== undefined) this.#free.push(kept)
    else this.#unmade += 1
  }
}
