import type { FastifyInstance } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export interface Metrics {
  readonly registry: Registry
  /** Counts a connection that was closed for what is not HTTP. */
  clientError(code: string): void
  /** Counts a TLS handshake. */
  handshake(isResumed: boolean): void
  /** Counts every answer by owner and status class, with its duration; adds hooks to the root instance. */
  attach(app: FastifyInstance, ownerOf: (url: string, method: string) => { readonly name: string }): void
}

/** Prometheus metrics of one server. Requests are labelled by protocol, never by path or device. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const requests = new Counter({
    name: 'godwit_http_requests_total',
    help: 'Answers by protocol and status',
    labelNames: ['protocol', 'status'],
    registers: [registry],
  })
  const seconds = new Histogram({
    name: 'godwit_http_request_seconds',
    help: 'From request head to finished answer',
    labelNames: ['protocol'],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60],
    registers: [registry],
  })
  const inFlight = new Gauge({ name: 'godwit_http_in_flight', help: 'Requests under way', registers: [registry] })
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
  /** Of one route: its protocol's series, looked up once, since every poll passes here. */
  interface Series {
    readonly statuses: Map<number, { inc(): void }>
    readonly protocol: string
    readonly duration: { observe(seconds: number): void }
  }
  const routes = new Map<string, Series>()
  const seriesOf = (route: string, protocol: () => string): Series => {
    const known = routes.get(route)
    if (known) return known
    const name = protocol()
    const made = { statuses: new Map(), protocol: name, duration: seconds.labels(name) }
    routes.set(route, made)
    return made
  }
  const count = ({ statuses, protocol }: Series, status: number): void => {
    let counter = statuses.get(status)
    if (!counter) {
      counter = requests.labels(protocol, String(status))
      statuses.set(status, counter)
    }
    counter.inc()
  }
  return {
    registry,
    handshake: (isResumed) => handshakes.inc({ kind: isResumed ? 'resumed' : 'whole' }),
    clientError: (code) => clientErrors.inc({ code }),
    attach(app, ownerOf) {
      app.addHook('onRequest', (_request, _reply, done) => {
        inFlight.inc()
        done()
      })
      app.addHook('onResponse', (request, reply, done) => {
        const owner = () => ownerOf(request.raw.url ?? '/', request.method).name
        // What no route answers has no series of its own; it is looked up each time.
        const series = seriesOf(request.routeOptions.url ?? `unrouted ${owner()}`, owner)
        inFlight.dec()
        count(series, reply.raw.statusCode)
        series.duration.observe(reply.elapsedTime / 1000)
        done()
      })
    },
  }
}
