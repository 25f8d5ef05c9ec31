import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { acceptMultipart } from '../protocols/http/multipart-spool.ts'
import { type Admission, admit } from './admission.ts'
import { API_BASE, type ApiContext } from './api-context.ts'
import { documentation } from './openapi.ts'
import type { ApiRoute } from './route.ts'
import { runRoute } from './run-route.ts'

/** Puts every route of the table into the scope: JSON ones here, those with raw bodies in a scope of their own. */
export async function registerRoutes(
  scope: FastifyInstance,
  context: ApiContext,
  routes: readonly ApiRoute[],
): Promise<void> {
  acceptJson(scope)
  for (const route of routes.filter((one) => one.input === 'json')) register(scope, context, route)
  await scope.register(async (uploads) => {
    uploads.removeAllContentTypeParsers()
    uploads.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined))
    await acceptMultipart(uploads)
    for (const route of routes.filter((one) => one.input === 'raw')) register(uploads, context, route)
  })
}

/** JSON alone, and an empty body is none: many clients name the type on every POST. */
function acceptJson(scope: FastifyInstance): void {
  const parse = scope.getDefaultJsonParser('error', 'error')
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser(
    /^application\/(?:[\w.+-]+\+)?json(?:;|$)/,
    { parseAs: 'string' },
    (request, body, done) => {
      if (body.length === 0) done(null, undefined)
      else parse(request, body.toString(), done)
    },
  )
}

function register(scope: FastifyInstance, context: ApiContext, route: ApiRoute): void {
  const { core, limits } = context.host
  const admissions = new WeakMap<FastifyRequest, Admission>()
  scope.route({
    method: route.method,
    url: `${API_BASE}${route.path}`,
    bodyLimit: route.input === 'raw' ? Number.MAX_SAFE_INTEGER : limits.jsonBodyBytes,
    schema: {
      params: paramsOf(route.path),
      querystring: route.query,
      ...(route.body && { body: route.body }),
      ...documentation(route),
    },
    async onRequest(request) {
      const admission = await admit(core, route.access, request)
      if (admission) admissions.set(request, admission)
    },
    handler: (request, reply) => runRoute({ context, route, admission: admissions.get(request), request, reply }),
  })
}

/** Whatever cannot be a reference is simply not found, so nothing is checked here. */
function paramsOf(path: string): z.ZodType {
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name)
  return z.object(Object.fromEntries(names.map((name) => [name, z.string().describe(PARAMETERS[name] ?? '')])))
}

const PARAMETERS: Readonly<Record<string, string>> = {
  organisation: 'Key or id of the organisation',
  account: 'Id or e-mail address of the account',
  token: 'Id of the token',
  accessKey: 'Id of the access key',
  product: 'Key or id of the product',
  module: 'Key of the module',
  group: 'Key or id of the group',
  device: 'Key or id of the device',
  scheme: 'Name of the credential scheme: native, iotaap, spoke-zone, enos, hawkbit',
  firmware: 'Id of the firmware',
  release: 'Id of the release',
  assignment: 'Id of the assignment',
  update: 'Id of the update',
  rollout: 'Key or id of the rollout',
  dataFile: 'Id of the data file',
  event: 'Id of the event',
  webhook: 'Id of the webhook',
  letter: 'Id of the dead letter',
  target: 'Key or id',
}
