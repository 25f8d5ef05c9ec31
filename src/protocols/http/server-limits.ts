import type { ServerOptions } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { type Exchange, limitDripping } from './limit-dripping.ts'
import type { HttpLimits } from './limits.ts'
import { onArrival } from './on-arrival.ts'
import { limitIdle } from './request-body.ts'
import { keepLimits } from './request-limits.ts'

/** Looks at slow heads so often, so that their limit means what it says. */
const LOOK_EVERY_MS = 1_000

/** The limits that Node's HTTP parser keeps; goes into Fastify's `http` or `https` options. */
export function parserLimits(
  limits: HttpLimits,
): Pick<ServerOptions, 'maxHeaderSize' | 'headersTimeout' | 'connectionsCheckingInterval' | 'optimizeEmptyRequests'> {
  return {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headerTimeoutMs,
    connectionsCheckingInterval: Math.min(LOOK_EVERY_MS, limits.headerTimeoutMs),
    // A request without a body is no stream that ends: a tenth of what a poll costs.
    optimizeEmptyRequests: true,
  }
}

/**
 * The limits that belong to the running server: connections, and bodies that stall or drip, whatever reads them. There is
 * no limit on how long a body may take as a whole, since a large upload over a slow line is no fault.
 */
export function attachLimits(app: FastifyInstance, limits: HttpLimits): void {
  app.server.maxConnections = limits.connections
  onArrival(app, ({ raw }, reply) => {
    const { 'content-length': length, 'transfer-encoding': coding } = raw.headers
    if ((length === undefined || length === '0') && coding === undefined) return undefined
    keepLimits(raw, limits)
    process.nextTick(limitRest, { request: raw, response: reply.raw }, limits)
    return undefined
  })
}

/** A small body comes together with its head; only one that does not needs a watch. */
function limitRest(exchange: Exchange, limits: HttpLimits): void {
  const { request } = exchange
  if (request.complete || request.destroyed) return
  if (request.readableLength === Number(request.headers['content-length'])) return
  request.once('end', limitIdle(request, limits.bodyIdleTimeoutMs))
  limitDripping(exchange, limits)
}
