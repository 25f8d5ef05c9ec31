import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyRequest } from 'fastify'
import type { DownloadPolicy } from './download-policy.ts'
import { isForwarded } from './forwarded.ts'
import type { SendPlan } from './send-plan.ts'
import type { TrustedProxies } from './trusted-proxies.ts'

export interface HandoverOptions {
  /** Path of nginx's internal location over the blob folder, with slashes at both ends. */
  readonly prefix: string
  readonly trusted: TrustedProxies
  /** Where a body lies, below the blob folder. */
  readonly pathOf: (sha256: string) => string
  /** What nginx is told to keep to, bytes a second; 0 = nothing. */
  readonly bytesPerSecond: number
}

interface Question {
  readonly artifact: { readonly sha256: string }
  readonly policy: Pick<DownloadPolicy, 'mayHandOver'>
  readonly plan: SendPlan
}

/** One range in its simplest forms, which nginx reads as Godwit does. */
const PLAIN_RANGE = /^bytes=(?:\d+-\d*|-\d+)$/
/** nginx weighs these itself, against a tag and a date of its own. */
const CONDITIONS = ['if-match', 'if-none-match', 'if-range', 'if-modified-since', 'if-unmodified-since']
/** nginx says these of the file itself. */
const OF_THE_FILE: ReadonlySet<string> = new Set(['content-length', 'content-range', 'accept-ranges', 'connection'])

/** Lets nginx in front send a body from its own reading of the file (`X-Accel-Redirect`). */
export class Handover {
  readonly #options: HandoverOptions

  constructor(options: HandoverOptions) {
    this.#options = options
  }

  /**
   * Where nginx finds the body, or undefined where Godwit sends it: the policy says no, the request did not come through
   * a trusted proxy, or nginx would answer otherwise than planned. No header of the client's can bring it about: which
   * peer is connected is not the client's to say.
   */
  locationFor(
    request: Pick<FastifyRequest, 'headers' | 'socket'>,
    { artifact, policy, plan }: Question,
  ): string | undefined {
    const { prefix, trusted, pathOf } = this.#options
    if (policy.mayHandOver !== true || !isAnsweredAlike(request.headers, plan)) return undefined
    if (!isForwarded(request.headers) || !trusted.trusts(request.socket.remoteAddress ?? '')) return undefined
    return prefix + pathOf(artifact.sha256)
  }

  /** What nginx is sent in place of a body: the plan's headers but for those that it makes itself. */
  headersFor(plan: SendPlan, location: string): Record<string, string> {
    const { bytesPerSecond } = this.#options
    const kept = Object.entries(plan.headers).filter(([name]) => !OF_THE_FILE.has(name.toLowerCase()))
    return {
      ...Object.fromEntries(kept.map(([name, value]) => [name, String(value)])),
      'x-accel-redirect': location,
      ...(bytesPerSecond > 0 ? { 'x-accel-limit-rate': String(Math.ceil(bytesPerSecond)) } : {}),
    }
  }
}

function isAnsweredAlike(headers: IncomingHttpHeaders, plan: SendPlan): boolean {
  if (CONDITIONS.some((name) => headers[name] !== undefined)) return false
  if (headers.range === undefined) return plan.status === 200
  return plan.status === 206 && plan.segments.length === 1 && PLAIN_RANGE.test(headers.range)
}
