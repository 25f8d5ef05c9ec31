import type { IncomingHttpHeaders } from 'node:http'
import { byteranges } from './byteranges.ts'
import { matchesNone, matchesSome, rangeApplies } from './conditions.ts'
import type { Condition, DownloadArtifact, DownloadPolicy } from './download-policy.ts'
import { DEFAULT_HTTP_LIMITS } from './limits.ts'
import { type ByteRange, parseRange } from './parse-range.ts'
import type { SendPlan } from './send-plan.ts'

export type DownloadPlan =
  | SendPlan
  | {
      readonly kind: 'not-modified' | 'unsatisfiable' | 'precondition-failed'
      readonly headers: Readonly<Record<string, string | number>>
    }

export interface DownloadQuestion<A extends DownloadArtifact> {
  /** `HEAD` is answered as a GET without Range. */
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly artifact: A
  readonly policy: DownloadPolicy<A>
}

/** Decides status, headers and spans of an answer; pure. Order of conditions: RFC 9110, 13.2.2. */
export function planDownload<A extends DownloadArtifact>(question: DownloadQuestion<A>): DownloadPlan {
  const { artifact, policy, headers } = question
  const validators = policy.validators?.(artifact)
  const common = commonHeaders(question)
  const sent = (name: Condition) => (policy.conditions.includes(name) ? text(headers[name]) : undefined)
  if (validators !== undefined) {
    if (!matchesSome(sent('if-match'), validators)) return { kind: 'precondition-failed', headers: closing(policy) }
    if (matchesNone(sent('if-none-match'), validators)) return { kind: 'not-modified', headers: notModified(common) }
  }
  const mayRange =
    policy.ranges !== 'none' &&
    question.method !== 'HEAD' &&
    (validators === undefined ? sent('if-range') === undefined : rangeApplies(sent('if-range'), validators))
  const maxRanges = policy.ranges === 'multi' ? (policy.maxRanges ?? DEFAULT_HTTP_LIMITS.ranges) : 1
  const request = parseRange(mayRange ? headers.range : undefined, { size: artifact.size, maxRanges })
  switch (request.kind) {
    case 'whole':
      return whole(artifact.size, common)
    case 'ranges':
      return request.ranges.length === 1
        ? single(request.ranges[0], artifact.size, common)
        : byteranges(request.ranges, artifact, common)
    case 'unsatisfiable':
      return {
        kind: 'unsatisfiable',
        headers: { ...closing(policy), 'content-range': `bytes */${artifact.size}` },
      }
  }
}

function text(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header
}

function whole(size: number, common: Readonly<Record<string, string>>): SendPlan {
  return {
    kind: 'send',
    status: 200,
    headers: { ...common, 'content-length': size },
    segments: size === 0 ? [] : [{ kind: 'file', range: { start: 0, end: size - 1 } }],
    length: size,
    reachesEnd: true,
  }
}

function single(range: ByteRange, size: number, common: Readonly<Record<string, string>>): SendPlan {
  const length = range.end - range.start + 1
  return {
    kind: 'send',
    status: 206,
    headers: {
      ...common,
      'content-length': length,
      'content-range': `bytes ${range.start}-${range.end}/${size}`,
    },
    segments: [{ kind: 'file', range }],
    length,
    reachesEnd: range.end === size - 1,
  }
}

function commonHeaders<A extends DownloadArtifact>(question: DownloadQuestion<A>): Record<string, string> {
  const { artifact, policy } = question
  const validators = policy.validators?.(artifact)
  return {
    ...closing(policy),
    'content-type': 'application/octet-stream',
    ...(policy.ranges === 'none' ? {} : { 'accept-ranges': 'bytes' }),
    ...(validators === undefined ? {} : { etag: validators.etag }),
    ...(validators?.lastModified === undefined ? {} : { 'last-modified': httpDate(validators.lastModified) }),
    ...policy.headers(artifact),
  }
}

function closing(policy: Pick<DownloadPolicy, 'connectionClose'>): Record<string, string> {
  return policy.connectionClose ? { connection: 'close' } : {}
}

const REPRESENTATION = /^(content-|accept-ranges$)/i

/** A 304 repeats validators and caching, not what describes the body (RFC 9110, 15.4.5). */
function notModified(common: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(common).filter(([name]) => !REPRESENTATION.test(name)))
}

function httpDate(epochMs: number): string {
  return new Date(epochMs).toUTCString()
}
