import { connect, type Socket } from 'node:net'
import { type Answer, AnswerReader } from './answer-reader.ts'

/** What becomes of a lane's requests. */
export interface LaneEvents {
  answered(answer: Answer, ms: number): void
  failed(why: string): void
  /** The lane can take the next request. */
  free(lane: Lane): void
}

export interface LaneOptions {
  readonly url: string
  readonly newConnections: boolean
}

/** One client: a request, its answer, the next request; over one connection, or a new one each time. */
export class Lane {
  readonly #options: LaneOptions
  readonly #events: LaneEvents
  #reader = new AnswerReader()
  #socket: Socket | undefined
  #begunAt = 0
  #isWaiting = false

  constructor(options: LaneOptions, events: LaneEvents) {
    this.#options = options
    this.#events = events
  }

  /** Connects beforehand, where the connection is kept. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = this.#connect(resolve)
      socket.once('error', reject)
    })
  }

  /** `dueAt`: since when the request is under way or late. */
  send(request: Uint8Array, dueAt: number): void {
    this.#begunAt = dueAt
    this.#isWaiting = true
    if (this.#options.newConnections) this.#connect(() => this.#socket?.write(request))
    else this.#socket?.write(request)
  }

  close(): void {
    this.#socket?.destroy()
  }

  #connect(onConnected: () => void): Socket {
    const { hostname, port } = new URL(this.#options.url)
    const socket = connect({ host: hostname, port: Number(port), noDelay: true }, onConnected)
    this.#socket = socket
    this.#reader = new AnswerReader()
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (error) => this.#fail(error.message))
    socket.on('close', () => {
      if (socket !== this.#socket) return
      this.#fail('the server closed the connection')
      // A connection of its own is over when the server has closed it too.
      if (this.#options.newConnections) this.#events.free(this)
    })
    return socket
  }

  #take(chunk: Buffer): void {
    try {
      const answer = this.#reader.take(chunk)
      if (!answer) return
      this.#isWaiting = false
      this.#events.answered(answer, performance.now() - this.#begunAt)
      if (answer.status >= 400) this.#events.failed(chunk.toString('latin1').slice(0, 1000))
      if (!this.#options.newConnections) this.#events.free(this)
    } catch (error) {
      this.#fail(String(error))
    }
  }

  #fail(why: string): void {
    if (!this.#isWaiting) return
    this.#isWaiting = false
    this.#events.failed(why)
    this.#socket?.destroy()
    if (!this.#options.newConnections) this.#connect(() => this.#events.free(this))
  }
}
