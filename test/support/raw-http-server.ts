import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** One request as it came: nothing is normalised. */
export interface RawRequest {
  /** Number of the connection, from 0 in order of arrival. */
  readonly connection: number
  readonly method: string
  readonly path: string
  readonly version: string
  /** Header lines as sent, in order. */
  readonly headers: readonly string[]
  readonly body: Buffer
  /** Value of a header, any letter case. */
  header(name: string): string | undefined
}

/** What to write, and whether to end the connection afterwards. */
export interface RawReply {
  readonly bytes: string | Uint8Array
  readonly end?: boolean
  /** Ends the connection with a reset instead. */
  readonly reset?: boolean
}

export interface RawHttpServer {
  readonly url: string
  readonly requests: RawRequest[]
  /** Bytes that were no HTTP request, as text. */
  readonly junk: string[]
  /** How many connections devices have closed or ended from their side. */
  readonly endedByClient: number
  /** Happens by itself at the end of the test; harmless twice. */
  close(): Promise<void>
}

/** A server that answers literally what a test says, good or bad; bytes that are no request get a bare 400 and the end. */
export async function rawHttpServer(answer: (request: RawRequest) => RawReply | undefined): Promise<RawHttpServer> {
  const requests: RawRequest[] = []
  const junk: string[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  let endedByClient = 0

  const server = createServer((socket) => {
    const connection = connections
    connections += 1
    sockets.add(socket)
    let pending = Buffer.alloc(0)
    socket.on('error', () => socket.destroy())
    socket.on('end', () => {
      endedByClient += 1
    })
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk])
      for (;;) {
        if (pending.length > 0 && !/^[A-Z]/.test(pending.toString('latin1', 0, 1))) {
          junk.push(pending.toString('latin1'))
          pending = Buffer.alloc(0)
          socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
          return
        }
        const parsed = parse(pending, connection)
        if (parsed === undefined) return
        pending = pending.subarray(parsed.length)
        requests.push(parsed.request)
        const reply = answer(parsed.request)
        if (reply === undefined) continue
        socket.write(reply.bytes)
        if (reply.reset === true) socket.resetAndDestroy()
        else if (reply.end === true) socket.end()
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')

  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    if (!server.listening) return
    server.close()
    await once(server, 'close')
  }
  onTestFinished(close)

  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    junk,
    get endedByClient() {
      return endedByClient
    },
    close,
  }
}

/** Bytes of a reply with the given header lines; Content-Length is added unless a line names a framing. */
export function reply(status: string, headers: readonly string[], body: string | Uint8Array = ''): Buffer {
  const bytes = Buffer.from(body)
  const framed = headers.some((line) => /^(content-length|transfer-encoding):/i.test(line))
  const lines = framed ? headers : [...headers, `Content-Length: ${bytes.length}`]
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`), bytes])
}

/** A JSON reply on a connection that may stay open, or not. */
export function json(status: string, value: unknown, headers: readonly string[] = []): Buffer {
  return reply(status, ['Content-Type: application/json; charset=utf-8', ...headers], JSON.stringify(value))
}

function parse(bytes: Buffer, connection: number): { request: RawRequest; length: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const [first = '', ...headers] = bytes.toString('utf8', 0, headEnd).split('\r\n')
  const [method = '', path = '', version = ''] = first.split(' ')
  const header = (name: string): string | undefined => {
    const line = headers.find((each) => each.toLowerCase().startsWith(`${name.toLowerCase()}:`))
    return line?.slice(name.length + 1).trim()
  }
  const bodyLength = Number(header('content-length') ?? 0)
  const length = headEnd + 4 + bodyLength
  if (bytes.length < length) return undefined
  const body = bytes.subarray(headEnd + 4, length)
  return { request: { connection, method, path, version, headers, body, header }, length }
}
