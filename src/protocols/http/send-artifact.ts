/**
 * One download handler for all protocols.
 *
 *     const delivery = await sendArtifact(request, reply, { artifact, policy, open: () => gateway.open(artifact) })
 *     if (delivery.kind === 'complete' && delivery.reachedEnd) await gateway.report(...)
 *
 * - Answers GET and HEAD with 200, 206, 304, 412 or 416 as the protocol's policy says (`download-policy.ts`); HEAD
 *   ignores Range. Always an exact Content-Length, never chunked, never compressed. 302 only where the policy says that
 *   this client follows it and the store gives a link.
 * - Before the file is opened a body must find room (`egress.ts`), else `too-many` is thrown, with
 *   `details.retryAfterSeconds`. Behind nginx, where policy and settings allow it, nginx sends the body (`handover.ts`).
 * - Everything that can go wrong with the file is found before the first byte of the head and thrown (`blob-missing`,
 *   `blob-damaged`), so that the protocol's own error shape answers. After the head a failure closes the connection:
 *   a body is never silently short.
 * - 200, 206 and HEAD go straight to the socket (`pump.ts`): Fastify's onSend hooks do not run for them, onResponse
 *   hooks do. Headers set on the reply before are kept, the policy's win.
 * - Resolves when the network has taken the last byte or the connection is gone. It never rejects after the head.
 */
import type { OutgoingHttpHeaders } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { BlobSpan, OpenBlob } from '../../core/blobs.ts'
import { OtaError } from '../../core/errors.ts'
import type { Delivery, DownloadArtifact, DownloadPolicy } from './download-policy.ts'
import type { Downloads } from './downloads.ts'
import type { Flow } from './egress.ts'
import { DEFAULT_HTTP_LIMITS } from './limits.ts'
import { type DownloadPlan, planDownload } from './plan-download.ts'
import { pump } from './pump.ts'
import type { SendPlan } from './send-plan.ts'

export interface SendOptions<A extends DownloadArtifact> {
  readonly artifact: A
  readonly policy: DownloadPolicy<A>
  /** The server's own, shared by all protocols. */
  readonly downloads: Downloads
  /**
   * Opens the bytes; called at most once, and not at all for 302, 304, 412 and 416. What it opens is closed here.
   * `likely`: what will be read of it; null: nothing.
   */
  readonly open: (likely: BlobSpan | null) => Promise<OpenBlob>
  /** An address of the bytes for a client that follows it; absent or undefined = they pass through this server. */
  readonly link?: () => Promise<string | undefined>
}

/** Answers a download; see the top of this file. */
export async function sendArtifact<A extends DownloadArtifact>(
  request: FastifyRequest,
  reply: FastifyReply,
  options: SendOptions<A>,
): Promise<Delivery> {
  const { artifact, policy, downloads } = options
  const plan = planDownload({ method: request.method, headers: request.headers, artifact, policy })
  if (plan.kind !== 'send') return downloads.note(await refuse(request, reply, { plan, policy }))
  const isHead = request.method === 'HEAD'
  const mayRedirect = request.method === 'GET' && options.link !== undefined && policy.redirects?.(request) === true
  const url = mayRedirect ? await options.link?.() : undefined
  if (url !== undefined) return downloads.note(redirect(reply, url))
  const location = isHead ? undefined : downloads.handover?.locationFor(request, { artifact, policy, plan })
  const flow = isHead || location !== undefined ? undefined : downloads.egress.admit(plan.length)
  try {
    return downloads.note(await send(reply, options, { plan, flow, location }))
  } finally {
    flow?.end()
  }
}

interface Sending {
  readonly plan: SendPlan
  /** Absent where Godwit sends no body. */
  readonly flow: Flow | undefined
  /** Where nginx finds the body. */
  readonly location: string | undefined
}

async function send<A extends DownloadArtifact>(
  reply: FastifyReply,
  options: SendOptions<A>,
  { plan, flow, location }: Sending,
): Promise<Delivery> {
  const { artifact, policy } = options
  const blob = await options.open(flow === undefined ? null : likelyOf(plan))
  try {
    if (blob.size !== artifact.size) {
      throw new OtaError('blob-damaged', 'Stored file and its record differ in size', {
        details: { sha256: artifact.sha256, recorded: artifact.size, stored: blob.size },
      })
    }
    if (location !== undefined) return sendHandover(reply, options.downloads.handover?.headersFor(plan, location) ?? {})
    if (flow === undefined) return sendHead(reply, plan)
    return await sendBody(reply, { blob, plan, policy, flow })
  } finally {
    await blob.close()
  }
}

/** The address is a secret for as long as it is good: nobody may keep it. */
function redirect(reply: FastifyReply, url: string): Delivery {
  reply.header('cache-control', 'no-store').redirect(url, 302)
  return { kind: 'redirected', bytesSent: 0 }
}

/** From the first to the last byte of the file that the answer needs. */
function likelyOf({ segments }: SendPlan): BlobSpan | null {
  const ranges = segments.flatMap((segment) => (segment.kind === 'file' ? [segment.range] : []))
  if (ranges.length === 0) return null
  return {
    start: Math.min(...ranges.map(({ start }) => start)),
    end: Math.max(...ranges.map(({ end }) => end)),
  }
}

function sendHead(reply: FastifyReply, plan: SendPlan): Delivery {
  writeHead(reply, plan)
  reply.raw.end()
  return { kind: 'head', bytesSent: 0 }
}

/** An answer without a body: nginx takes the file from the place that the headers name. */
function sendHandover(reply: FastifyReply, headers: Readonly<Record<string, string>>): Delivery {
  reply.code(200).headers(headers).send('')
  return { kind: 'handed-over', bytesSent: 0 }
}

interface Body {
  readonly flow: Flow
  readonly blob: OpenBlob
  readonly plan: SendPlan
  readonly policy: Pick<DownloadPolicy, 'idleTimeoutMs' | 'maxDurationMs'>
}

async function sendBody(reply: FastifyReply, body: Body): Promise<Delivery> {
  const { blob, plan, policy, flow } = body
  const result = await pump(reply.raw, {
    blob,
    flow,
    segments: plan.segments,
    length: plan.length,
    writeHead: () => writeHead(reply, plan),
    idleTimeoutMs: policy.idleTimeoutMs ?? DEFAULT_HTTP_LIMITS.downloadIdleTimeoutMs,
    maxDurationMs: policy.maxDurationMs ?? DEFAULT_HTTP_LIMITS.downloadMaxDurationMs,
  })
  return result.kind === 'complete' ? { ...result, reachedEnd: plan.reachesEnd } : result
}

function writeHead(reply: FastifyReply, plan: SendPlan): void {
  const earlier: Record<string, number | string | string[] | undefined> = reply.getHeaders()
  const headers: OutgoingHttpHeaders = { ...earlier, ...plan.headers }
  reply.hijack()
  reply.raw.writeHead(plan.status, headers)
}

interface Refusal {
  readonly plan: Exclude<DownloadPlan, SendPlan>
  readonly policy: Pick<DownloadPolicy, 'unsatisfiable' | 'preconditionFailed'>
}

async function refuse(request: FastifyRequest, reply: FastifyReply, refusal: Refusal): Promise<Delivery> {
  const { plan, policy } = refusal
  reply.headers(plan.headers)
  switch (plan.kind) {
    case 'not-modified':
      reply.code(304).send()
      break
    case 'unsatisfiable':
      await answer(reply.code(416), () => policy.unsatisfiable?.(request, reply))
      break
    case 'precondition-failed':
      await answer(reply.code(412), () => policy.preconditionFailed?.(request, reply))
      break
  }
  return { kind: plan.kind, bytesSent: 0 }
}

async function answer(reply: FastifyReply, send: () => unknown): Promise<void> {
  await send()
  if (!reply.sent) reply.send()
}
