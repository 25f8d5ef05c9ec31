import type { Socket } from 'node:net'

/** Above this many unread bytes the socket is paused, so that a slow reader slows the server. */
const HIGH_WATER_BYTES = 256 * 1024

/** Pull-style reading from a socket, with time limits and back-pressure. */
export class SocketReader {
  readonly #socket: Socket
  #chunks: Buffer[] = []
  #buffered = 0
  #ended = false
  #endDetail = 'the connection ended'
  #wake: (() => void) | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#buffered += chunk.length
      if (this.#buffered > HIGH_WATER_BYTES) socket.pause()
      this.#wake?.()
    })
    const end = (detail: string): void => {
      if (!this.#ended) this.#endDetail = detail
      this.#ended = true
      this.#wake?.()
    }
    socket.on('end', () => end('the server ended the connection'))
    socket.on('error', (error) => end(error.message))
    socket.on('close', () => end('the connection closed'))
  }

  get buffered(): number {
    return this.#buffered
  }

  get ended(): boolean {
    return this.#ended
  }

  get endDetail(): string {
    return this.#endDetail
  }

  /** Between 1 and `limit` buffered bytes; undefined when there are none. */
  take(limit: number): Uint8Array | undefined {
    const first = this.#chunks.shift()
    if (first === undefined) return undefined
    const taken = first.length <= limit ? first : first.subarray(0, limit)
    if (taken.length < first.length) this.#chunks.unshift(first.subarray(limit))
    this.#consumed(taken.length)
    return taken
  }

  /** Everything up to and including `mark`; undefined while the mark has not arrived. */
  takeThrough(mark: string): Uint8Array | undefined {
    const first = this.#chunks[0]
    if (first === undefined) return undefined
    const whole = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks)
    this.#chunks = [whole]
    const at = whole.indexOf(mark, 0, 'latin1')
    if (at < 0) return undefined
    const end = at + mark.length
    this.#chunks = end < whole.length ? [whole.subarray(end)] : []
    this.#consumed(end)
    return whole.subarray(0, end)
  }

  /** Waits for bytes beyond those buffered now. */
  async more(timeoutMs: number): Promise<'data' | 'end' | 'timeout'> {
    const before = this.#buffered
    if (this.#socket.isPaused()) this.#socket.resume()
    const arrived = await this.#until(() => this.#buffered > before || this.#ended, timeoutMs)
    if (!arrived) return 'timeout'
    return this.#buffered > before ? 'data' : 'end'
  }

  waitForEnd(timeoutMs: number): Promise<boolean> {
    return this.#until(() => this.#ended, timeoutMs)
  }

  #consumed(bytes: number): void {
    this.#buffered -= bytes
    if (this.#buffered <= HIGH_WATER_BYTES && this.#socket.isPaused()) this.#socket.resume()
  }

  /** One waiter at a time: a device is sequential. */
  #until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    if (condition()) return Promise.resolve(true)
    return new Promise((resolve) => {
      const finish = (result: boolean): void => {
        clearTimeout(timer)
        this.#wake = undefined
        resolve(result)
      }
      const timer = setTimeout(() => finish(false), timeoutMs)
      this.#wake = () => {
        if (condition()) finish(true)
      }
    })
  }
}
