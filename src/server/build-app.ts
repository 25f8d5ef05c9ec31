import type { Server as TlsServer } from 'node:tls'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { Core } from '../core/create-core.ts'
import { clientAddress, publicBaseUrl } from '../protocols/http/client-address.ts'
import { createClientErrors } from '../protocols/http/client-error.ts'
import { firstSegmentDispatcher } from '../protocols/http/dispatcher.ts'
import { Downloads } from '../protocols/http/downloads.ts'
import { closeIdleUntilClosed, type Drain, prepareDrain } from '../protocols/http/graceful-drain.ts'
import { Handover, type HandoverOptions } from '../protocols/http/handover.ts'
import type { HttpLimits } from '../protocols/http/limits.ts'
import type { Protocol, ProtocolHost } from '../protocols/http/protocol.ts'
import { attachLimits, parserLimits } from '../protocols/http/server-limits.ts'
import { ShortWays } from '../protocols/http/short-ways.ts'
import { parseTrustedProxies } from '../protocols/http/trusted-proxies.ts'
import { type HotCounts, measureDownloads } from './operations/download-metrics.ts'
import { createMetrics } from './operations/metrics.ts'
import { operations, plainOwner } from './operations/operations.ts'
import { addPollMemoryMetrics } from './operations/poll-memory-metrics.ts'
import { addRolloutMetrics } from './operations/rollout-metrics.ts'
import type { TlsListener } from './tls/tls-listener.ts'
import type { WorkerChannel } from './workers/worker-channel.ts'

export interface AppOptions {
  readonly core: Core
  readonly limits: HttpLimits
  /** Makes the list of protocols for a host; most specific owners first. */
  readonly protocols: (host: ProtocolHost) => readonly Protocol[]
  readonly publicUrl?: string | undefined
  readonly trustedProxies: readonly string[]
  readonly tls?: TlsListener | undefined
  readonly workers?: WorkerChannel | undefined
  /** nginx in front sends bytes: its internal location, and where bodies lie below it. */
  readonly accel?: Pick<HandoverOptions, 'prefix' | 'pathOf'> | undefined
  /** What the memory in front of the blobs counts. */
  readonly hotCounts?: () => HotCounts
  /** Makes the logger once the protocols have said what is secret. */
  readonly logger: (protocols: readonly Protocol[]) => FastifyBaseLogger
}

export interface BuiltApp {
  readonly app: FastifyInstance
  readonly drain: Drain
}

/** Wires host and protocols into one Fastify instance, ready to listen or to be injected into. */
export async function buildApp(options: AppOptions): Promise<BuiltApp> {
  const { core, limits } = options
  const trusted = parseTrustedProxies(options.trustedProxies)
  const downloads = new Downloads(
    limits,
    options.accel && new Handover({ ...options.accel, trusted, bytesPerSecond: limits.downloadBytesPerSecond }),
  )
  const shortWays = new ShortWays()
  const host: ProtocolHost = {
    core,
    limits,
    downloads,
    shortWays,
    publicBaseUrl: (request) => publicBaseUrl(request, { publicUrl: options.publicUrl, trusted }),
    clientAddress: (request) => clientAddress(request, trusted),
  }
  const protocols = options.protocols(host)
  const dispatcher = firstSegmentDispatcher(
    protocols.map((protocol) => protocol.owner),
    plainOwner,
    limits,
  )
  const logger = options.logger(protocols)
  const metrics = createMetrics()
  addRolloutMetrics(metrics.registry, core.deps.storage.management)
  addPollMemoryMetrics(metrics.registry, core.deps.storage.invalidation)
  options.workers?.register(metrics.registry)
  measureDownloads(metrics.registry, downloads, options.hotCounts)
  const clientErrors = createClientErrors({
    count: (code) => metrics.clientError(code),
    now: () => core.deps.clock.now(),
    debug: (facts, message) => logger.debug(facts, message),
  })
  const parser = parserLimits(limits)
  const app = Fastify({
    ...dispatcher.serverOptions,
    ...(options.tls ? { https: { ...parser, ...options.tls.serverOptions } } : { http: parser }),
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: limits.jsonBodyBytes,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    requestTimeout: 0,
    clientErrorHandler: clientErrors.handler,
    forceCloseConnections: false,
    return503OnClosing: false,
  }) as unknown as FastifyInstance
  attachLimits(app, limits)
  options.tls?.attach(app.server as unknown as TlsServer, logger, (isResumed) => metrics.handshake(isResumed))
  const endWaiting = () => {
    shortWays.end()
    for (const protocol of protocols) protocol.drain?.()
  }
  const drain = prepareDrain(app, endWaiting)
  app.addHook('preClose', async () => {
    endWaiting()
    if (app.server.listening) closeIdleUntilClosed(app.server)
  })
  metrics.attach(app, dispatcher.ownerOf)
  dispatcher.attach(app)
  for (const protocol of [
    ...protocols,
    operations({ core, metrics, isDraining: drain.isDraining, workers: options.workers }),
  ])
    await app.register((scope) => {
      metrics.countAnswers(scope, protocol.owner.name)
      return protocol.register(scope)
    })
  await app.ready()
  shortWays.attach(app.server, metrics.shortAnswers)
  return { app, drain }
}
