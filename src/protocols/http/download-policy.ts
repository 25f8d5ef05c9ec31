import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Validators } from './conditions.ts'

/** What the edge needs to know of a stored file. Digests are lower-case hex, size in bytes. */
export interface DownloadArtifact {
  readonly sha256: string
  readonly sha1: string
  readonly md5: string
  readonly size: number
}

export type Condition = 'if-match' | 'if-none-match' | 'if-range'

/** How one wire protocol hands out files. What a policy does not name, its clients never see. */
export interface DownloadPolicy<A extends DownloadArtifact = DownloadArtifact> {
  /** Tag (and date) of a file; absent = no ETag is sent and no condition is looked at. */
  readonly validators?: (artifact: A) => Validators
  /** Conditional headers that count; all others are ignored. */
  readonly conditions: readonly Condition[]
  /** `none`: Range is ignored and Accept-Ranges not sent. `single`: one range. `multi`: multipart/byteranges too. */
  readonly ranges: 'none' | 'single' | 'multi'
  /** Largest number of ranges under `multi`; default 8. */
  readonly maxRanges?: number
  /** Ends the connection after each answer, with the header value `close` in lower case. */
  readonly connectionClose: boolean
  /** Further headers of 200, 206 and HEAD (content type, disposition, cache control, digests). Absent content type: octet-stream. */
  readonly headers: (artifact: A) => Readonly<Record<string, string>>
  /** Answers 416; Content-Range is set already. Absent = an empty body. */
  readonly unsatisfiable?: (request: FastifyRequest, reply: FastifyReply) => unknown
  /** Answers 412. Absent = an empty body. */
  readonly preconditionFailed?: (request: FastifyRequest, reply: FastifyReply) => unknown
  /**
   * Whether this client follows a redirect to another host, without taking its credentials there; absent = never. Only
   * asked of a GET whose file has a link. The end of such a download is not seen by this server.
   */
  readonly redirects?: (request: FastifyRequest) => boolean
  /**
   * nginx in front may send the bytes (`X-Accel-Redirect`); default no. Only where nothing is learnt from the last byte's
   * leaving: Godwit does not see it then.
   */
  readonly mayHandOver?: boolean
  /** A client that takes no byte for so long is cut, ms; default 60 s. */
  readonly idleTimeoutMs?: number
  /** The longest one download may last, ms; default one day. */
  readonly maxDurationMs?: number
}

/**
 * What became of a download. `complete`: every byte of the answer was handed to the network, and `reachedEnd` says
 * whether these included the file's last byte (a whole file, or the final range of a resumed one): the mark of a
 * delivered file. `redirected`: the client was sent to the store itself, and what became of it there nobody here knows:
 * never a mark of a delivered file. `aborted`: client gone or too slow, or the disk failed; the connection is closed.
 * `handed-over`: nginx sends the body, and nobody tells what becomes of it.
 */
export type Delivery =
  | { readonly kind: 'complete'; readonly bytesSent: number; readonly reachedEnd: boolean }
  | { readonly kind: 'aborted'; readonly bytesSent: number; readonly because: AbortReason; readonly cause?: unknown }
  | {
      readonly kind: 'head' | 'redirected' | 'handed-over' | 'not-modified' | 'unsatisfiable' | 'precondition-failed'
      readonly bytesSent: 0
    }

export type AbortReason = 'client-gone' | 'too-slow' | 'too-long' | 'read-failed'
