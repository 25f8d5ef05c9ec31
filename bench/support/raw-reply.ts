import { createHash } from 'node:crypto'
import { connect } from 'node:net'

/** A reply as it came over the wire. */
export interface RawReply {
  readonly status: number
  /** In order, names as sent; `date` left out. */
  readonly headers: ReadonlyArray<readonly [string, string]>
  readonly body: Buffer
}

/** The bytes of a request without a body, or with one of JSON. */
export function requestBytes(
  url: string,
  path: string,
  options: {
    readonly headers?: Readonly<Record<string, string>>
    readonly json?: object
    readonly close?: boolean
  } = {},
): Buffer {
  const body = options.json === undefined ? '' : JSON.stringify(options.json)
  const headers = {
    host: new URL(url).host,
    ...options.headers,
    ...(options.json && { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
    ...(options.close && { connection: 'close' }),
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  const method = options.json === undefined ? 'GET' : 'POST'
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
}

/** Sends one request on a connection of its own and reads until the announced length is there. */
export async function rawReply(url: string, request: Uint8Array): Promise<RawReply> {
  const { hostname, port } = new URL(url)
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = []
    let received = 0
    let wanted: number | undefined
    const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(request))
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      received += chunk.length
      wanted ??= wholeLength(Buffer.concat(chunks))
      if (wanted === undefined || received < wanted) return
      socket.destroy()
      resolve(Buffer.concat(chunks))
    })
    socket.on('error', reject)
    socket.on('end', () => resolve(Buffer.concat(chunks)))
  })
  const end = bytes.indexOf('\r\n\r\n')
  const [first = '', ...fields] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  return {
    status: Number(first.split(' ')[1]),
    headers: fields
      .map((field) => [field.slice(0, field.indexOf(':')), field.slice(field.indexOf(':') + 2)] as const)
      .filter(([name]) => name.toLowerCase() !== 'date'),
    body: bytes.subarray(end + 4),
  }
}

/** Bytes of head and body together, once the head is there. */
function wholeLength(bytes: Buffer): number | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  const length = /content-length: (\d+)/i.exec(bytes.subarray(0, Math.max(end, 0)).toString('latin1'))?.[1]
  return length === undefined ? undefined : end + 4 + Number(length)
}

/** Longer bodies are compared by their digest. */
const SHOWN = 4_000

/** Throws unless both servers answer alike: status, header names and values in any order, body. */
export function assertSameReply(ours: RawReply, bare: RawReply, mask: (text: string) => string = (text) => text): void {
  const canonical = (reply: RawReply) =>
    JSON.stringify([
      reply.status,
      reply.headers.map(([name, value]) => `${name.toLowerCase()}: ${value}`).sort(),
      reply.body.length > SHOWN
        ? createHash('sha256').update(reply.body).digest('hex')
        : mask(reply.body.toString('latin1')),
    ])
  if (canonical(ours) !== canonical(bare))
    throw new Error(`The baseline answers otherwise:\n${canonical(ours)}\n${canonical(bare)}`)
}

/** The reply in the form that the baselines take; what node:http adds by itself is left to it. */
export function asBaseline(reply: RawReply): string {
  const own = new Set(['keep-alive', 'transfer-encoding'])
  const headers = Object.fromEntries(
    reply.headers.filter(
      ([name, value]) =>
        !own.has(name.toLowerCase()) && !(name.toLowerCase() === 'connection' && value === 'keep-alive'),
    ),
  )
  return JSON.stringify({ status: reply.status, headers, body: reply.body.toString('utf8') })
}
