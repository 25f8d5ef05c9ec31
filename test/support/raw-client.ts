import { connect, type Socket } from 'node:net'

/** One HTTP/1.x answer as it stood on the wire. */
export interface RawAnswer {
  readonly status: number
  readonly statusLine: string
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

/** A plain TCP connection that writes what it is told and reads answers byte by byte. */
export class RawClient {
  readonly socket: Socket
  #received = Buffer.alloc(0)
  #ended = false
  #wake: () => void = () => {}

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk])
      this.#wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#ended = true
      this.#wake()
    })
  }

  static connect(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new RawClient(socket))
      })
    })
  }

  /** Sends a request; `lines` without the blank one at the end. */
  send(lines: readonly string[], body: string | Uint8Array = ''): void {
    this.socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    if (body.length > 0) this.socket.write(body)
  }

  /** Reads one answer by its Content-Length; `hasBody` is false after HEAD. Rejects when the connection ends before. */
  async answer(hasBody = true): Promise<RawAnswer> {
    const headEnd = await this.#until((bytes) => {
      const at = bytes.indexOf('\r\n\r\n')
      return at === -1 ? undefined : at + 4
    })
    const [statusLine = '', ...lines] = this.#take(headEnd).toString('latin1').trimEnd().split('\r\n')
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
      }),
    )
    const length = hasBody ? Number(headers.get('content-length') ?? 0) : 0
    await this.#until((bytes) => (bytes.length >= length ? length : undefined))
    return { status: Number(statusLine.split(' ')[1]), statusLine, headers, body: this.#take(length) }
  }

  /** Resolves when the other side has ended the connection; with what came and was not read. */
  async end(): Promise<Buffer> {
    while (!this.#ended) await this.#more()
    return this.#take(this.#received.length)
  }

  close(): void {
    this.socket.destroy()
  }

  #take(length: number): Buffer {
    const taken = this.#received.subarray(0, length)
    this.#received = this.#received.subarray(length)
    return taken
  }

  async #until(find: (bytes: Buffer) => number | undefined): Promise<number> {
    while (true) {
      const found = find(this.#received)
      if (found !== undefined) return found
      if (this.#ended) throw new Error(`Connection ended after ${this.#received.length} bytes`)
      await this.#more()
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

/** Connects, sends one request, reads its answer and closes. */
export async function rawRequest(
  port: number,
  lines: readonly string[],
  body?: string | Uint8Array,
): Promise<RawAnswer> {
  const client = await RawClient.connect(port)
  try {
    client.send(lines, body)
    return await client.answer(!lines[0]?.startsWith('HEAD '))
  } finally {
    client.close()
  }
}
