import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Core } from '../../core/create-core.ts'
import { isForwarded } from '../../protocols/http/forwarded.ts'
import type { Protocol } from '../../protocols/http/protocol.ts'
import type { Owner } from '../../protocols/http/route-owners.ts'
import { parseTrustedProxies } from '../../protocols/http/trusted-proxies.ts'
import type { WorkerView } from '../workers/worker-channel.ts'
import type { Metrics } from './metrics.ts'

export interface OperationsOptions {
  readonly core: Core
  readonly metrics: Metrics
  isDraining(): boolean
  /** The workers of which this process is one. */
  readonly workers?: WorkerView | undefined
}

/** Says what is missing, so that nobody looks for it. */
const NO_CONSOLE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Godwit</title>
<p>This version has no web console. The <a href="/docs">API reference</a> shows what the server can do;
the <code>godwit</code> command does it.</p>
</html>
`

const LOOPBACK = parseTrustedProxies(['loopback'])

/** Godwit's own small answers: health, readiness, metrics, the way to the console, and 404 for everything unclaimed. */
export function operations(options: OperationsOptions): Protocol {
  return {
    name: 'godwit',
    owner: plainOwner,
    redactions: [],
    secretHeaders: [],
    async register(scope) {
      registerHealth(scope, options)
      registerMetrics(scope, options)
      scope.get('/', (_request, reply) => reply.redirect('/console/'))
      scope.get('/console', (_request, reply) => reply.type('text/html; charset=utf-8').send(NO_CONSOLE))
    },
  }
}

function registerHealth(scope: FastifyInstance, { core, isDraining, workers }: OperationsOptions): void {
  scope.get('/healthz', async () => ({ status: 'ok' }))
  scope.get('/readyz', async (request, reply) => {
    if (isDraining()) return reply.code(503).send({ status: 'draining' })
    const standing = workers?.standing()
    if (standing && !standing.wasComplete)
      return reply.code(503).send({ status: 'starting', workers: `${standing.ready} of ${standing.of}` })
    try {
      await Promise.all([core.deps.storage.check(), core.deps.blobs.check()])
      return { status: 'ready', ...(standing && { workers: `${standing.ready} of ${standing.of}` }) }
    } catch (error) {
      request.log.error({ err: error }, 'not ready')
      return reply.code(503).send({ status: 'not ready' })
    }
  })
}

/** Numbers about a fleet are not for everybody: a token, or a direct call from this machine. */
function registerMetrics(scope: FastifyInstance, { core, metrics, workers }: OperationsOptions): void {
  scope.get('/metrics', async (request, reply) => {
    const isLocal = LOOPBACK.trusts(request.socket.remoteAddress ?? '') && !isForwarded(request.headers)
    if (!isLocal && !(await hasToken(core, request)))
      return reply.code(401).header('www-authenticate', 'Bearer').send({ error: 'A token is needed here.' })
    return reply.type(metrics.registry.contentType).send(await (workers ?? metrics.registry).metrics())
  })
}

async function hasToken(core: Core, request: FastifyRequest): Promise<boolean> {
  const [, token] = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '') ?? []
  return token !== undefined && (await core.apiTokens.check(token)).kind === 'valid'
}

const json = (reply: FastifyReply, status: number, error: string) => reply.code(status).send({ error })

/** Owns what nobody else claims. */
export const plainOwner: Owner = {
  name: 'godwit',
  claims: () => true,
  notFound: (_request, reply) => json(reply, 404, 'Not found'),
  methodNotAllowed: (_request, reply, allowed) =>
    json(reply.header('allow', allowed.join(', ')), 405, `Allowed here: ${allowed.join(', ')}`),
  badRequest: (_request, reply) => json(reply, 400, 'The address is not well-formed'),
  onError(error, request, reply) {
    const status = (error as { statusCode?: number }).statusCode ?? 500
    if (status >= 500) request.log.error({ err: error }, 'request failed')
    return json(reply, status, status >= 500 ? 'Internal error' : 'Bad request')
  },
}
