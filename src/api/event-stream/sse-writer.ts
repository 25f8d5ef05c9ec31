import type { ServerResponse } from 'node:http'

/** So long a reader that was cut may still take what was sent to it, ms. */
const LINGER_MS = 5_000

/** Writes `text/event-stream` to one reader, no faster than it reads. */
export class SseWriter {
  readonly #response: ServerResponse
  readonly #stallMs: number

  constructor(response: ServerResponse, stallMs: number) {
    this.#response = response
    this.#stallMs = stallMs
  }

  begin(): void {
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // The connection has no use after a stream, and proxies must not gather what belongs to now.
      connection: 'close',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    })
    this.#response.flushHeaders()
  }

  get isGone(): boolean {
    return this.#response.destroyed || this.#response.writableEnded
  }

  /** Calls `listener` when the reader has left; what it answers takes it back. */
  onGone(listener: () => void): () => void {
    this.#response.once('close', listener)
    return () => this.#response.off('close', listener)
  }

  /** Resolves once the reader has room for more: `stalled` when it took nothing for too long. */
  write(text: string): Promise<'written' | 'stalled' | 'gone'> {
    const response = this.#response
    if (this.isGone) return Promise.resolve('gone')
    if (response.write(text)) return Promise.resolve('written')
    return new Promise((resolve) => {
      const settle = (outcome: 'written' | 'stalled' | 'gone') => () => {
        clearTimeout(timer)
        response.off('drain', drained)
        response.off('close', gone)
        resolve(outcome)
      }
      const [drained, gone] = [settle('written'), settle('gone')]
      const timer = setTimeout(settle('stalled'), this.#stallMs)
      response.once('drain', drained)
      response.once('close', gone)
    })
  }

  /** The last event, and the end. */
  end(text: string): void {
    const response = this.#response
    if (this.isGone) return
    response.end(text)
    const timer = setTimeout(() => response.destroy(), LINGER_MS).unref()
    response.once('close', () => clearTimeout(timer))
  }
}

/** One event; `data` is JSON, so it has no line ends. Without `event` it is what every reader gets as a message. */
export function frame(parts: { id?: string; event?: string; data?: unknown; comment?: string }): string {
  const lines = [
    ...(parts.comment === undefined ? [] : [`: ${parts.comment}`]),
    ...(parts.id === undefined ? [] : [`id: ${parts.id}`]),
    ...(parts.event === undefined ? [] : [`event: ${parts.event}`]),
    ...(parts.data === undefined ? [] : [`data: ${JSON.stringify(parts.data)}`]),
  ]
  return `${lines.join('\n')}\n\n`
}
