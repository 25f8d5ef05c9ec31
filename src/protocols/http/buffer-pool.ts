const LARGE = 256 * 1024
/** Of what is written at a time. */
export const LARGEST_PIECE = LARGE
const SMALL = 32 * 1024

/**
 * Buffers of running downloads. Large ones are cheap per byte; once those in use pass the budget, further downloads get
 * small ones, so that many slow clients cost little memory each.
 */
export class BufferPool {
  readonly #free: Buffer[] = []
  readonly #budget: number
  #largeInUse = 0

  /** `budget`: bytes of large buffers in use or kept. */
  constructor(budget = 64 * 2 ** 20) {
    this.#budget = budget
  }

  /** A buffer for a body of `length` bytes; its content is left over from others. */
  acquire(length: number): Buffer {
    if (length <= SMALL || (this.#largeInUse + 1) * LARGE > this.#budget) return Buffer.allocUnsafeSlow(SMALL)
    this.#largeInUse += 1
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(LARGE)
  }

  /** Gives a buffer back. `reusable` is false while something (a cut connection) may still be reading from it. */
  release(buffer: Buffer, reusable: boolean): void {
    if (buffer.length !== LARGE) return
    this.#largeInUse -= 1
    if (reusable) this.#free.push(buffer)
  }
}
