import type { Tenant } from './tenant.ts'

/** Who takes part in a request. A request of one's own has the same tenant everywhere. */
export interface Parties {
  /** Whose ids, keys and names the request is about. */
  readonly target: Tenant
  /** Whose credentials it carries. */
  readonly who: Tenant
  /** Which organisation it names, where a protocol names one. */
  readonly org: Tenant
  /** The bearer token of the management API: that of `who`, or of a server administrator. */
  readonly bearer: string
  /** Never the same twice, near the server's time: for signatures that count once. */
  readonly timestamp: number
}

export interface Attempt {
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

export interface Reply {
  readonly status: number
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  /** Byte for byte. */
  readonly text: string
}

/** How one route is asked. The method is that of the route. */
export interface Case {
  request(parties: Parties): Attempt
  /** Whether a request of one's own has succeeded; any 2xx unless given. */
  readonly succeeded?: (reply: Reply) => boolean
  /** The route is for administrators of the server: they make the request that succeeds. */
  readonly isAdministrators?: true
  /** Why the answer may tell that a foreign thing exists; absent: it must not. */
  readonly mayTellExistence?: string
  /** Why the answer may tell whether an organisation exists; absent: it must not. */
  readonly organisationsAreKnown?: string
}

/** By `METHOD /url`; what follows a `#` tells several cases of one route apart. */
export type Cases = Readonly<Record<string, Case>>

export interface Part {
  readonly name: string
  readonly value: string | Uint8Array
  readonly fileName?: string
}

/** A multipart body with its header. */
export function form(parts: readonly Part[]): { headers: Record<string, string>; body: Uint8Array } {
  const boundary = '----isolation'
  const chunks = parts.flatMap(({ name, value, fileName }) => [
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"`,
    `${fileName === undefined ? '' : `; filename="${fileName}"`}\r\n\r\n`,
    value,
    '\r\n',
  ])
  const body = Buffer.concat([...chunks, `--${boundary}--\r\n`].map((chunk) => Buffer.from(chunk)))
  return { headers: { 'content-type': `multipart/form-data; boundary=${boundary}` }, body }
}

export function json(body: object): { headers: Record<string, string>; body: string } {
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}
