import type { ByteRange } from './parse-range.ts'

/** A piece of an answer's body: bytes that are made up here, or a span of the file. */
export type Segment =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly range: ByteRange }

export interface SendPlan {
  readonly kind: 'send'
  readonly status: 200 | 206
  readonly headers: Readonly<Record<string, string | number>>
  readonly segments: readonly Segment[]
  /** Bytes of the body, equal to Content-Length. */
  readonly length: number
  /** Whether the body includes the last byte of the file. */
  readonly reachesEnd: boolean
}
