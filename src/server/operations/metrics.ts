import type { FastifyInstance, FastifyReply } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { onArrival } from '../../protocols/http/on-arrival.ts'
import { AnswerSeries, showSeconds } from './request-seconds.ts'

export interface Metrics {
  readonly registry: Registry
  /** Counts a connection that was closed for what is not HTTP. */
  clientError(code: string): void
  /** Counts a TLS handshake. */
  handshake(isResumed: boolean): void
  /** Counts requests under way, and answers that no route gives; call on the root instance. */
  attach(app: FastifyInstance, ownerOf: (url: string, method: string) => { readonly name: string }): void
  /** How an answer of a protocol is counted that was given in front of the framework. */
  shortAnswers(protocol: string): (status: number, seconds: number) => void
  /** Counts the answers of a scope's routes by status, with their duration; call before they are registered. */
  countAnswers(scope: FastifyInstance, protocol: string): void
}

/** Prometheus metrics of one server. Requests are labelled by protocol, never by path or device. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const protocols = new Map<string, AnswerSeries>()
  let inFlight = 0
  new Counter({
    name: 'godwit_http_requests_total',
    help: 'Answers by protocol and status',
    labelNames: ['protocol', 'status'],
    registers: [registry],
    collect() {
      this.reset()
      for (const series of protocols.values())
        for (const [status, count] of series.statuses()) this.inc({ protocol: series.protocol, status }, count)
    },
  })
  new Counter({
    name: 'godwit_http_short_answers_total',
    help: 'Answers by protocol that were ready in memory and took the short way',
    labelNames: ['protocol'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { protocol, short } of protocols.values()) if (short > 0) this.inc({ protocol }, short)
    },
  })
  showSeconds(registry, () => protocols.values())
  new Gauge({
    name: 'godwit_http_in_flight',
    help: 'Requests under way',
    registers: [registry],
    collect() {
      this.set(inFlight)
    },
  })
  const clientErrors = new Counter({
    name: 'godwit_client_errors_total',
    help: 'Connections closed for what is not HTTP',
    labelNames: ['code'],
    registers: [registry],
  })
  const handshakes = new Counter({
    name: 'godwit_tls_handshakes_total',
    help: 'TLS handshakes, whole or resumed by a session ticket',
    labelNames: ['kind'],
    registers: [registry],
  })
  const seriesOf = (protocol: string): AnswerSeries => {
    const series = protocols.get(protocol) ?? new AnswerSeries(protocol)
    protocols.set(protocol, series)
    return series
  }
  const count = (series: AnswerSeries, reply: FastifyReply): void => {
    inFlight -= 1
    series.add(reply.raw.statusCode, reply.elapsedTime / 1000)
  }
  return {
    registry,
    handshake: (isResumed) => handshakes.inc({ kind: isResumed ? 'resumed' : 'whole' }),
    clientError: (code) => clientErrors.inc({ code }),
    attach(app, ownerOf) {
      onArrival(app, (request, reply) => {
        inFlight += 1
        if (request.is404)
          reply.raw.once('close', () => count(seriesOf(ownerOf(request.raw.url ?? '/', request.method).name), reply))
        return undefined
      })
    },
    shortAnswers(protocol) {
      const series = seriesOf(protocol)
      return (status, seconds) => series.addShort(status, seconds)
    },
    countAnswers(scope, protocol) {
      const series = seriesOf(protocol)
      scope.addHook('onResponse', (_request, reply, done) => {
        count(series, reply)
        done()
      })
    },
  }
}
