import type { FastifyInstance } from 'fastify'
import type { Blobs } from '../../src/core/blobs.ts'
import type { Core } from '../../src/core/create-core.ts'
import type { CoreLimits } from '../../src/core/limits.ts'
import type { Notifier, Storage } from '../../src/core/ports.ts'
import type { Drain } from '../../src/protocols/http/graceful-drain.ts'
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from '../../src/protocols/http/limits.ts'
import type { Protocol, ProtocolHost } from '../../src/protocols/http/protocol.ts'
import { buildApp } from '../../src/server/build-app.ts'
import { createLogger } from '../../src/server/logger.ts'
import { createTestCore } from './test-core.ts'

/** A clock that stands at a real moment until a test moves it. */
export class TestClock {
  #now: number

  constructor(start = Date.UTC(2026, 0, 5, 8)) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  advance(ms: number): void {
    this.#now += ms
  }

  set(ms: number): void {
    this.#now = ms
  }
}

export interface TestServerOptions {
  /** Which protocols the host serves. */
  readonly protocols: (host: ProtocolHost) => readonly Protocol[]
  /** Memory unless given; see `storages.ts`. */
  readonly storage?: Storage
  readonly blobs?: Blobs
  /** Listens on a free loopback port; otherwise only `app.inject` works. */
  readonly listen?: boolean
  readonly limits?: Partial<CoreLimits>
  readonly http?: Partial<HttpLimits>
  readonly clock?: TestClock
  readonly notifier?: Notifier
  readonly trustedProxies?: readonly string[]
}

export interface TestServer {
  readonly app: FastifyInstance
  readonly core: Core
  readonly host: ProtocolHost
  readonly clock: TestClock
  /** `http://127.0.0.1:<port>` when listening, else ``. */
  readonly url: string
  readonly drain: Drain
  /** Everything that was logged so far, at level trace. */
  log(): string
  close(): Promise<void>
}

/** The real server around real parts: only clock and storage are chosen by the test. Password hashing is made cheap. */
export async function startTestServer(options: TestServerOptions): Promise<TestServer> {
  const clock = options.clock ?? new TestClock()
  const lines: string[] = []
  const core = createTestCore({ ...options, clock })
  let host: ProtocolHost | undefined
  const { app, drain } = await buildApp({
    core,
    limits: { ...DEFAULT_HTTP_LIMITS, ...options.http },
    trustedProxies: options.trustedProxies ?? ['loopback'],
    protocols: (given) => {
      host = given
      return options.protocols(given)
    },
    logger: (protocols) =>
      createLogger({ level: 'trace', destination: { write: (line) => lines.push(line) } }, protocols),
  })
  if (!host) throw new Error('The app was built without asking for protocols')
  const url = options.listen ? await app.listen({ host: '127.0.0.1', port: 0 }) : ''
  return {
    app,
    core,
    host,
    clock,
    url,
    drain,
    log: () => lines.join(''),
    close: async () => {
      await app.close()
      await core.deps.storage.close()
    },
  }
}
