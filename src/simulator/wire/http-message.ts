/** Headers in the order and spelling of the wire. */
export type HeaderList = readonly (readonly [name: string, value: string])[]

export interface HttpRequest {
  readonly method: string
  /** Sent as it is: nothing is encoded, collapsed or checked. */
  readonly path: string
  readonly version: 'HTTP/1.0' | 'HTTP/1.1'
  readonly headers: HeaderList
  readonly body?: Uint8Array
}

/** How the end of a reply's body is known. */
export type BodyFraming = { readonly kind: 'none' | 'chunked' | 'until-close' } | LengthFraming
export interface LengthFraming {
  readonly kind: 'length'
  readonly length: number
}

export interface ReplyHead {
  /** The head exactly as received, with the empty line that ends it. */
  readonly bytes: Uint8Array
  readonly version: string
  readonly status: number
  readonly reason: string
  readonly headers: HeaderList
  /** From the request's last byte to the reply's first. */
  readonly timeToFirstByteMs: number
}

/** Exact bytes of a request: header order and letter case are the caller's. */
export function requestBytes(request: HttpRequest): Uint8Array {
  const lines = request.headers.map(([name, value]) => `${name}: ${value}\r\n`)
  const head = Buffer.from(`${request.method} ${request.path} ${request.version}\r\n${lines.join('')}\r\n`, 'utf8')
  return request.body === undefined ? head : Buffer.concat([head, request.body])
}

/** First value of a header, in any letter case. */
export function headerOf(head: ReplyHead, name: string): string | undefined {
  return allHeadersOf(head, name)[0]
}

/** Every value of a header, in the order of the wire. */
export function allHeadersOf(head: ReplyHead, name: string): string[] {
  const wanted = name.toLowerCase()
  return head.headers.filter(([each]) => each.toLowerCase() === wanted).map(([, value]) => value)
}

/** Undefined when the bytes are no HTTP/1.x head. */
export function parseHead(bytes: Uint8Array, timeToFirstByteMs: number): ReplyHead | undefined {
  const [statusLine = '', ...lines] = Buffer.from(bytes).toString('latin1').split('\r\n')
  const status = /^(HTTP\/1\.[01]) ([0-9]{3})(?: (.*))?$/.exec(statusLine)
  if (status === null) return undefined
  const headers: [string, string][] = []
  for (const line of lines) {
    if (line === '') continue
    const header = /^([^\s:]+):[ \t]*(.*?)[ \t]*$/.exec(line)
    if (header === null) return undefined
    headers.push([header[1] ?? '', header[2] ?? ''])
  }
  return {
    bytes,
    version: status[1] ?? '',
    status: Number(status[2]),
    reason: status[3] ?? '',
    headers,
    timeToFirstByteMs,
  }
}

/** Undefined when the head contradicts itself (a bad or doubled length, a length beside a coding). */
export function framingOf(method: string, head: ReplyHead): BodyFraming | undefined {
  if (method === 'HEAD' || head.status === 204 || head.status === 304) return { kind: 'none' }
  const lengths = new Set(allHeadersOf(head, 'content-length'))
  const coding = headerOf(head, 'transfer-encoding')
  if (coding !== undefined)
    return lengths.size === 0 && coding.toLowerCase() === 'chunked' ? { kind: 'chunked' } : undefined
  if (lengths.size === 0) return { kind: 'until-close' }
  const [text = ''] = lengths
  if (lengths.size > 1 || !/^[0-9]{1,15}$/.test(text)) return undefined
  return { kind: 'length', length: Number(text) }
}
