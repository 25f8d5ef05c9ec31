import type { Flash } from '../flash.ts'
import type { Pace } from '../pace.ts'
import { type BodyFraming, type HeaderList, headerOf, type ReplyHead } from '../wire/http-message.ts'
import type { BodySink, HttpReply, WireFailure } from '../wire/http-socket.ts'

/** How one request of a download went. */
export type PieceResult =
  | { readonly kind: 'taken'; readonly done: boolean }
  | { readonly kind: 'broken'; readonly detail: string }
  | { readonly kind: 'refused'; readonly code: number | string; readonly detail: string }

export interface PieceRequest {
  /** First byte wanted; 0 starts over. */
  readonly from: number
  /** Last byte wanted; undefined wants the rest. */
  readonly to?: number
  /** Whole file, once known. */
  readonly total: number | undefined
  /** Gives up after this many bytes in all, as a device that loses its connection. */
  readonly cutAt?: number
  readonly flash: Flash
  readonly pace: Pace
  readonly onBytes?: (total: number) => void
}

/** Writes replies of a whole or partial download into flash, and refuses what does not fit together. */
export class PieceTaker {
  readonly #piece: PieceRequest
  #refusal: PieceResult | undefined
  #cut = false
  /** Whole file as the reply told it. */
  total: number | undefined
  etag: string | undefined

  constructor(piece: PieceRequest) {
    this.#piece = piece
    this.total = piece.total
  }

  /** Undefined where the whole file is asked for. */
  static rangeHeaders(piece: PieceRequest, etag: string | undefined): HeaderList {
    if (piece.from === 0 && piece.to === undefined) return []
    const range: HeaderList = [['Range', `bytes=${piece.from}-${piece.to ?? ''}`]]
    return etag === undefined ? range : [...range, ['If-Range', etag]]
  }

  readonly sinkFor = (head: ReplyHead, framing: BodyFraming): BodySink | undefined => {
    if (head.status !== 200 && head.status !== 206) return undefined
    this.#refusal = this.#start(head, framing)
    if (this.#refusal !== undefined) return () => false
    const { flash, cutAt, pace, onBytes } = this.#piece
    return async (chunk) => {
      const room = cutAt === undefined ? chunk.length : cutAt - flash.written
      flash.write(room < chunk.length ? chunk.subarray(0, Math.max(room, 0)) : chunk)
      onBytes?.(this.total ?? 0)
      await pace(chunk.length)
      this.#cut = room < chunk.length
      return !this.#cut
    }
  }

  /** What the reply came to; called once it, or its failure, is there. */
  result(reply: HttpReply | WireFailure): PieceResult {
    if (this.#refusal !== undefined) return this.#refusal
    if (this.#cut) return { kind: 'broken', detail: `cut at ${this.#piece.flash.written} bytes` }
    if (reply.kind === 'wire-failure') return { kind: 'broken', detail: `${reply.fault}: ${reply.detail}` }
    const { status } = reply.head
    if (status !== 200 && status !== 206) return { kind: 'refused', code: status, detail: `status ${status}` }
    return { kind: 'taken', done: this.#piece.flash.written === this.total }
  }

  #start(head: ReplyHead, framing: BodyFraming): PieceResult | undefined {
    const { flash, from, to } = this.#piece
    if (framing.kind !== 'length') return refused('no-length', `a body with framing ${framing.kind}`)
    this.etag = headerOf(head, 'etag')
    if (head.status === 200) {
      // The whole file after all: what was there is dropped.
      flash.begin()
      this.total = framing.length
      return undefined
    }
    const range = /^bytes ([0-9]+)-([0-9]+)\/([0-9]+)$/.exec(headerOf(head, 'content-range') ?? '')
    if (range === null) return refused('bad-range', 'a 206 without Content-Range')
    const [first, last, total] = range.slice(1).map(Number)
    if (first !== from || last === undefined || total === undefined)
      return refused('bad-range', `starts at ${first}, not ${from}`)
    if (framing.length !== last - from + 1 || last >= total || (to !== undefined && last > to)) {
      return refused('bad-range', `${range[0]} with ${framing.length} bytes`)
    }
    if (this.#piece.total !== undefined && total !== this.#piece.total)
      return refused('bad-range', `a file of ${total} bytes now`)
    this.total = total
    if (from === 0) flash.begin()
    return undefined
  }
}

function refused(code: string, detail: string): PieceResult {
  return { kind: 'refused', code, detail }
}
