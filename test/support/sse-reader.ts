/** One block of a stream of server-sent events. */
export interface SseBlock {
  readonly id?: string
  readonly event?: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look at members of what came over the wire
  readonly data?: any
  readonly comment?: string
}

/** Reads a stream of server-sent events, as a browser's EventSource would, without coming again by itself. */
export class SseReader {
  readonly blocks: SseBlock[] = []
  readonly #abort = new AbortController()
  readonly #ended: Promise<void>
  #waiting: Array<() => void> = []
  #isOver = false

  private constructor(response: Response, abort: AbortController) {
    this.#abort = abort
    this.#ended = this.#read(response).finally(() => {
      this.#isOver = true
      this.#wake()
    })
  }

  /** Throws unless the answer is a stream. */
  static async open(url: string, headers: Record<string, string>): Promise<SseReader> {
    const abort = new AbortController()
    const response = await fetch(url, { headers, signal: abort.signal })
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
    return new SseReader(response, abort)
  }

  /** Data of the plain messages. */
  get messages() {
    return this.blocks.filter((block) => block.event === undefined && block.data !== undefined).map(({ data }) => data)
  }

  /** What would be sent back as Last-Event-ID. */
  get lastId(): string {
    return this.blocks.findLast(({ id }) => id !== undefined)?.id ?? ''
  }

  /** Resolves when `isThere`; rejects when the stream ends without. */
  async until(isThere: (reader: SseReader) => boolean): Promise<void> {
    while (!isThere(this)) {
      if (this.#isOver) throw new Error(`the stream has ended after ${JSON.stringify(this.blocks.slice(-5))}`)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  count(messages: number): Promise<void> {
    return this.until((reader) => reader.messages.length >= messages)
  }

  /** Resolves with the last block when the server has ended the stream. */
  async end(): Promise<SseBlock | undefined> {
    await this.#ended
    return this.blocks.at(-1)
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#ended
  }

  async #read(response: Response): Promise<void> {
    const decoder = new TextDecoder()
    let text = ''
    try {
      for await (const chunk of response.body ?? []) {
        text += decoder.decode(chunk as Uint8Array, { stream: true })
        const blocks = text.split('\n\n')
        text = blocks.pop() ?? ''
        this.blocks.push(...blocks.map(parse))
        this.#wake()
      }
    } catch (error) {
      if (!this.#abort.signal.aborted) throw error
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

function parse(block: string): SseBlock {
  const parsed: Record<string, unknown> = {}
  for (const line of block.split('\n')) {
    const [, name = '', value = ''] = /^(\w*): ?(.*)$/.exec(line) ?? []
    parsed[name === '' ? 'comment' : name] = name === 'data' ? JSON.parse(value) : value
  }
  return parsed as SseBlock
}
