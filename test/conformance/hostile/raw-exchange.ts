import { connect } from 'node:net'

/** One answer as it stood on the wire; `body` is what its framing says. */
export interface WireAnswer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** Everything that came back over one connection. */
export interface Exchange {
  readonly answers: readonly WireAnswer[]
  /** Bytes that are no whole answer. */
  readonly rest: string
  /** How the server left the connection when reading ended. */
  readonly ended: 'closed' | 'reset' | 'open'
}

export interface ExchangeOptions {
  /** Answers after which reading ends, with the connection still open; default: as many as come until it closes. */
  readonly answers?: number
  /** None of the answers has a body. */
  readonly isHead?: boolean
  /** Closes this side's half when everything is sent. */
  readonly half?: boolean
  /** Longest wait, ms; the connection counts as `open` then. */
  readonly patienceMs?: number
}

type Piece = string | Uint8Array

/** Writes pieces to a plain connection, each when the one before has left, and collects what comes back. */
export function exchange(
  port: number,
  pieces: Piece | readonly Piece[],
  options: ExchangeOptions = {},
): Promise<Exchange> {
  const { answers: wanted = Number.POSITIVE_INFINITY, isHead = false, patienceMs = 10_000 } = options
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let received = Buffer.alloc(0)
    const finish = (ended: Exchange['ended']) => {
      clearTimeout(patience)
      socket.removeAllListeners()
      socket.on('error', () => undefined)
      socket.destroy()
      resolve({ ...parseAnswers(received, isHead), ended })
    }
    const patience = setTimeout(() => finish('open'), patienceMs)
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      if (Number.isFinite(wanted) && parseAnswers(received, isHead).answers.length >= wanted) finish('open')
    })
    socket.on('close', () => finish('closed'))
    socket.on('error', () => finish('reset'))
    socket.once('connect', () => {
      for (const piece of [pieces].flat())
        socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)
      if (options.half) socket.end()
    })
  })
}

/** Splits a stream of answers by their own framing. */
export function parseAnswers(bytes: Buffer, isHead = false): { answers: WireAnswer[]; rest: string } {
  const answers: WireAnswer[] = []
  let text = bytes.toString('latin1')
  for (;;) {
    const end = text.indexOf('\r\n\r\n')
    const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(text) ?? []
    if (end === -1 || status === undefined) return { answers, rest: text }
    const headers = new Map(
      text
        .slice(0, end)
        .split('\r\n')
        .slice(1)
        .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    )
    const body =
      isHead || status === '304' || status.startsWith('1')
        ? { text: '', length: 0 }
        : bodyOf(text.slice(end + 4), headers)
    if (body === undefined) return { answers, rest: text }
    answers.push({ status: Number(status), headers, body: body.text })
    text = text.slice(end + 4 + body.length)
  }
}

function bodyOf(rest: string, headers: ReadonlyMap<string, string>): { text: string; length: number } | undefined {
  if (headers.get('transfer-encoding') !== 'chunked') {
    const length = Number(headers.get('content-length') ?? 0)
    return rest.length < length ? undefined : { text: rest.slice(0, length), length }
  }
  let text = ''
  for (let at = 0; ; ) {
    const line = rest.indexOf('\r\n', at)
    if (line === -1) return undefined
    const size = Number.parseInt(rest.slice(at, line), 16)
    if (rest.length < line + 2 + size + 2) return undefined
    if (size === 0) return { text, length: line + 4 }
    text += rest.slice(line + 2, line + 2 + size)
    at = line + 2 + size + 2
  }
}
