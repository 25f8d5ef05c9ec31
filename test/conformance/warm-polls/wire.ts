import { connect, type Socket } from 'node:net'

/** Answers of one connection, every byte of each but the value of its date. */
export class Wire {
  readonly #socket: Socket
  readonly #isHead: boolean
  #text = ''
  #isOver = false
  #wake: () => void = () => undefined

  private constructor(socket: Socket, isHead: boolean) {
    this.#socket = socket
    this.#isHead = isHead
    socket.on('data', (chunk) => {
      this.#text += chunk.toString('latin1')
      this.#wake()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#isOver = true
      this.#wake()
    })
  }

  /** `isHead`: none of the answers has a body. */
  static open(port: number, isHead = false): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      socket.once('error', reject)
      socket.once('connect', () => resolve(new Wire(socket, isHead)))
    })
  }

  write(text: string): void {
    this.#socket.write(Buffer.from(text, 'latin1'))
  }

  /** The next answer; rejects when the connection ends before it is whole. */
  async next(): Promise<string> {
    for (;;) {
      const length = lengthOf(this.#text, this.#isHead)
      if (length !== undefined && this.#text.length >= length) {
        const answer = this.#text.slice(0, length)
        this.#text = this.#text.slice(length)
        return withoutDate(answer)
      }
      if (this.#isOver) throw new Error(`The connection ended after ${JSON.stringify(this.#text)}`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Resolves once the server has ended the connection; with what came besides. */
  async end(): Promise<string> {
    while (!this.#isOver)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    return withoutDate(this.#text)
  }

  close(): void {
    this.#socket.destroy()
  }
}

function withoutDate(answer: string): string {
  return answer.replace(/\r\nDate: [^\r]+\r\n/, '\r\nDate: -\r\n')
}

/** Of an answer with its head; undefined until that is there. */
function lengthOf(text: string, isHead: boolean): number | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const head = text.slice(0, end + 4)
  const hasBody = !isHead && !/^HTTP\/1\.\d (1\d\d|204|304) /.test(head)
  return head.length + (hasBody ? Number(/\r\nContent-Length: *(\d+)/i.exec(head)?.[1] ?? 0) : 0)
}

/** Sends a request over a connection of its own and gives its answer. */
export async function askOnce(port: number, request: string): Promise<string> {
  const wire = await Wire.open(port, request.startsWith('HEAD '))
  try {
    wire.write(request)
    return await wire.next()
  } finally {
    wire.close()
  }
}
