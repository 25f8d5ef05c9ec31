import type { HttpReply, WireFailure } from '../wire/http-socket.ts'

/** What the reply to a latest request makes a device do. */
export type LatestVerdict =
  | { readonly kind: 'same' }
  | { readonly kind: 'download'; readonly target: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly code: number | 'blocked'; readonly detail: string }

// [iotaap 4.3] the client parses into a document of this many bytes, of which one member takes 16
const DOCUMENT_BYTES = 128
const MEMBER_BYTES = 16

/** The reaction table of [iotaap 4.5], one row after the other. */
export function judgeLatest(reply: HttpReply | WireFailure, running: string): LatestVerdict {
  if (reply.kind === 'wire-failure') {
    // [iotaap 4.3] a body that does not come is awaited without a time limit
    const stuck = reply.fault === 'body-timeout' || reply.fault === 'short-body'
    return { kind: 'failed', code: stuck ? 'blocked' : 203, detail: `cannot check for updates: ${reply.detail}` }
  }
  if (reply.head.status === 404) return { kind: 'none' }
  if (reply.head.status !== 200) {
    return { kind: 'failed', code: 203, detail: `cannot check for updates: status ${reply.head.status}` }
  }
  // What the client makes of a body without a length is not established; the contract forbids one, so it is reported.
  if (reply.framing.kind !== 'length')
    return { kind: 'failed', code: 'blocked', detail: 'latest without Content-Length' }
  const target = versionIn(reply.body)
  return target === running ? { kind: 'same' } : { kind: 'download', target }
}

/** Quirk: anything unreadable is the version `null`, which no sketch has: the device downloads and flashes. */
export function versionIn(body: Uint8Array): string {
  let document: unknown
  try {
    document = JSON.parse(Buffer.from(body).toString('utf8'))
  } catch {
    return 'null'
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return 'null'
  const members = Object.entries(document)
  const needed = members.reduce((sum, [key, value]) => sum + MEMBER_BYTES + stored(key) + stored(value), 0)
  if (needed > DOCUMENT_BYTES) return 'null'
  const version: unknown = members.find(([key]) => key === 'ver')?.[1]
  if (version === undefined) return 'null'
  return typeof version === 'string' ? version : JSON.stringify(version)
}

function stored(value: unknown): number {
  return typeof value === 'string' ? Buffer.byteLength(value) + 1 : 0
}
