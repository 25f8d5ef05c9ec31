import { randomBytes } from 'node:crypto'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Core } from '../core/create-core.ts'
import { createCore } from '../core/create-core.ts'
import type { Clock, Storage } from '../core/ports.ts'
import { DEFAULT_HTTP_LIMITS } from '../protocols/http/limits.ts'
import { blobPath } from '../storage/blob/blob-path.ts'
import { HotBlobs } from '../storage/blob/hot-blobs.ts'
import { openSqlStorage } from '../storage/sql/open-storage.ts'
import { startJobs } from './background-jobs.ts'
import { buildApp } from './build-app.ts'
import { checkMasterKey } from './config/check-master-key.ts'
import { loadMasterKey } from './config/master-key.ts'
import { databaseFile } from './config/places.ts'
import type { Config } from './config/settings.ts'
import { ensureOwner } from './ensure-owner.ts'
import { createLogger } from './logger.ts'
import { startLeases } from './nodes/start-leases.ts'
import { openBlobs } from './open-blobs.ts'
import { createProtocols } from './protocols.ts'
import { jwtSigner } from './runtime/jwt-signer.ts'
import { randomIds } from './runtime/random-ids.ts'
import { sealedSecrets } from './runtime/sealed-secrets.ts'
import { configuredClock } from './runtime/system-clock.ts'
import { TlsListener } from './tls/tls-listener.ts'
import { VERSION } from './version.ts'
import { HttpWebhookSender } from './webhooks/http-webhook-sender.ts'
import { startWebhookJob } from './webhooks/webhook-job.ts'
import type { WorkerChannel } from './workers/worker-channel.ts'

export interface RunningServer {
  readonly url: string
  readonly app: FastifyInstance
  readonly core: Core
  /** Reads the certificate again; without TLS nothing happens. */
  reload(): Promise<void>
  /** Stops accepting, finishes requests in flight (at most `limitMs`), flushes, closes. Safe to call twice. */
  stop(limitMs?: number): Promise<void>
}

/** Longest wait for requests in flight when the server is told to stop, ms. */
export const DRAIN_LIMIT_MS = 30_000

/** Files in memory that nobody fetches any more are looked for so often. */
const HOT_TRIM_MS = 30_000

export interface PrepareOptions {
  /** The first account was made with a random password. Told at once: what fails later does not make it again. */
  readonly onFirstPassword?: (password: string) => void
  /** Runs when the first account exists and nobody can connect yet. */
  readonly beforeListening?: (core: Core) => Promise<void>
}

export interface StartOptions extends PrepareOptions {
  /** This process is one of several that share a listener. */
  readonly workers?: WorkerChannel | undefined
}

/** Does once what comes before listening, for workers to find it done. */
export async function prepareServer(config: Config, options: PrepareOptions): Promise<void> {
  const { core, storage } = await openCore(config)
  try {
    await prepare(core, config, options)
  } finally {
    await storage.close()
  }
}

async function prepare(core: Core, config: Config, options: PrepareOptions): Promise<void> {
  const firstPassword = await ensureOwner(core, config)
  if (firstPassword !== undefined) options.onFirstPassword?.(firstPassword)
  await options.beforeListening?.(core)
}

/** Opens storage and blobs, makes the first account, listens and starts the background jobs. */
export async function startServer(config: Config, options: StartOptions = {}): Promise<RunningServer> {
  let log: FastifyBaseLogger | undefined
  const clock = configuredClock(config, (byMs, what) =>
    log?.warn({ bySeconds: Math.round(byMs / 1000) }, `the system clock was set: the step is ${what}`),
  )
  const { core, storage, hot } = await openCore(config, clock)
  const trimming = setInterval(() => hot.trim(), HOT_TRIM_MS).unref()
  try {
    await prepare(core, config, options)
    const sender = new HttpWebhookSender({ allowPrivate: config.webhooks?.allowPrivate ?? false, version: VERSION })
    const tls = await openTls(core, config)
    const { app, drain } = await buildApp({
      core,
      limits: { ...DEFAULT_HTTP_LIMITS, ...config.http },
      protocols: (host) => createProtocols(host, config, sender),
      publicUrl: config.publicUrl,
      trustedProxies: config.trustedProxies,
      tls,
      workers: options.workers,
      accel: config.accelPrefix === undefined ? undefined : { prefix: config.accelPrefix, pathOf: blobPath },
      hotCounts: () => hot.counts,
      logger: (protocols) => createLogger({ level: config.log }, protocols),
    })
    log = app.log
    const url = await app.listen({ host: config.host, port: config.port, backlog: 4096 })
    const { leases, stop: stopLeases } = startLeases(core, config, app.log)
    const jobs = startJobs(core, app.log, leases)
    const webhooks = startWebhookJob({ core, sender, log: app.log, leases })
    let stopping: Promise<void> | undefined
    const stop = async (limitMs: number) => {
      clearInterval(trimming)
      // At once, for other nodes to go on with the jobs while requests in flight are finished here.
      const ended = Promise.all([webhooks.stop(), jobs.stop()])
      tls?.stop()
      await drain.drain(limitMs)
      await app.close()
      await ended
      sender.close()
      await core.lastSeen.flush()
      await stopLeases()
      await storage.close()
    }
    return {
      url: advertised(url, config),
      app,
      core,
      reload: async () => {
        await tls?.reload()
      },
      stop: (limitMs = DRAIN_LIMIT_MS) => {
        stopping ??= stop(limitMs)
        return stopping
      },
    }
  } catch (error) {
    clearInterval(trimming)
    await storage.close()
    throw error
  }
}

/** undefined: plain HTTP. */
function openTls(core: Core, { tlsCert, tlsKey }: Config): Promise<TlsListener> | undefined {
  if (!tlsCert || !tlsKey) return undefined
  const { secrets, clock } = core.deps
  return TlsListener.open({ files: { cert: tlsCert, key: tlsKey }, secrets, clock })
}

/** Core over the configured storage, without a listener: for the server and for offline commands. */
export async function openCore(
  config: Config,
  clock: Clock = configuredClock(config),
): Promise<{ core: Core; storage: Storage; hot: HotBlobs }> {
  const secrets = sealedSecrets(loadMasterKey(config, () => randomBytes(32)))
  const { hotBytes, hotFileBytes, hotIdleMs } = { ...DEFAULT_HTTP_LIMITS, ...config.http }
  const hot = new HotBlobs(await openBlobs(config), {
    totalBytes: hotBytes,
    bodyBytes: hotFileBytes,
    idleMs: hotIdleMs,
    // On a disk it costs next to nothing, in S3 a call.
    checksStore: config.blobs?.startsWith('s3:') !== true,
  })
  const { waitingTransactions } = config.limits ?? {}
  const storage = await openSqlStorage(
    config.databaseUrl === undefined
      ? { kind: 'sqlite', file: databaseFile(config), waitingTransactions }
      : {
          waitingTransactions,
          kind: 'postgres',
          url: config.databaseUrl,
          ...given(config.database ?? {}),
        },
  )
  await checkMasterKey(storage, secrets).catch(async (error) => {
    await storage.close()
    throw error
  })
  const core = createCore(
    {
      storage,
      blobs: hot,
      clock,
      ids: randomIds,
      secrets,
      tokens: jwtSigner(secrets, clock),
      notifier: { assigned: () => undefined },
    },
    config.limits,
  )
  return { core, storage, hot }
}

/** What is set of some settings. */
function given<T extends object>(settings: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const set = Object.entries(settings).filter(([, value]) => value !== undefined)
  return Object.fromEntries(set) as { [K in keyof T]?: Exclude<T[K], undefined> }
}

function advertised(listening: string, config: Config): string {
  return config.publicUrl ?? listening.replace('0.0.0.0', '127.0.0.1').replace('[::]', '[::1]')
}
