import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { FastifyInstance, FastifySchema } from 'fastify'
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
} from 'fastify-type-provider-zod'
import { z } from 'zod'
import '../protocols/http/plain-issues.ts'
import { API_BASE, type ApiOptions } from './api-context.ts'
import { PROBLEM_TYPE, problemSchema } from './problem.ts'
import type { Access, ApiRoute } from './route.ts'

/** What this API uses of an OpenAPI 3.1 document. */
export interface OpenApiDocument {
  readonly openapi: string
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly tags: ReadonlyArray<{ readonly name: string; readonly description: string }>
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> }
}

export interface OpenApiOperation {
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly tags: readonly string[]
  readonly parameters?: ReadonlyArray<{
    readonly name: string
    readonly in: string
    readonly required?: boolean
    readonly description?: string
    readonly schema: JsonSchema
  }>
  requestBody?: OpenApiBody
  readonly responses: Record<string, OpenApiBody>
}

export interface OpenApiBody {
  readonly description?: string
  readonly required?: boolean
  readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>>
}

export type JsonSchema = { readonly [name: string]: unknown }

const DESCRIPTION = `The management API of Godwit.

Authenticate with \`Authorization: Bearer <token>\`; tokens come from \`POST ${API_BASE}/login\` or \`POST ${API_BASE}/tokens\`.
An account with several organisations names the one it means in the header \`Godwit-Organisation\` (or \`?organisation=\`), by key or id.
Collections page by \`limit\` and \`cursor\`. Refusals are problem documents (RFC 9457) whose \`code\` is stable.`

const TAGS: Readonly<Record<string, string>> = {
  session: 'Log in and out; who am I',
  tokens: "The caller's own API tokens",
  organisations: 'Tenants',
  server: 'The server itself; for administrators',
  accounts: 'People and machines that operate, and their roles',
  'access-keys': 'Keys and secrets of programs',
  products: 'Device models and their modules',
  groups: 'Explicit sets of devices',
  devices: 'Devices, their credentials, import and export',
  firmware: 'Versions and their files',
  floors: 'Versions that no device may jump over',
  releases: 'Firmware of several modules under one version',
  assignments: 'A release pinned to a device or group',
  rollouts: 'One release for many devices, stage by stage',
  updates: 'Devices moving to a release',
  events: 'What happened',
  webhooks: 'Where events are sent, and what could not be delivered',
  'data-files': 'Files that devices sent',
  fleet: 'Whole organisations from one description',
  reference: 'This reference',
}

/** Validation by zod, and the document about it. Call before the routes are registered, in their scope. */
export async function describeRoutes(scope: FastifyInstance, options: ApiOptions, routes: readonly ApiRoute[]) {
  scope.setValidatorCompiler(validatorCompiler)
  scope.setSerializerCompiler(options.checkReplies ? serializerCompiler : () => (data) => JSON.stringify(data))
  const byUrl = new Map(routes.map((route) => [`${route.method} ${API_BASE}${route.path}`, route]))
  const config: FastifyDynamicSwaggerOptions = {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Godwit management API', version: options.version, description: DESCRIPTION },
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    },
    transform: (given) => {
      const transformed = jsonSchemaTransform(given as Parameters<typeof jsonSchemaTransform>[0])
      const route = byUrl.get(`${[given.route.method].flat()[0]} ${given.url}`)
      const schema: FastifySchema = route ? { ...transformed.schema, ...headersOf(route) } : { hide: true }
      return { schema, url: transformed.url }
    },
    transformObject: (given) => {
      const document = jsonSchemaTransformObject(
        given as Parameters<typeof jsonSchemaTransformObject>[0],
      ) as unknown as OpenApiDocument
      for (const route of routes) describeBodies(document, route)
      return tidy(withoutUnused(document)) as never
    },
  }
  await scope.register(swagger, config)
}

/** The parts of a route's schema that only describe, and its replies. */
export function documentation(route: ApiRoute): FastifySchema {
  const response: Record<string, unknown> = {
    default: {
      description: 'A problem document: a refusal or a failure',
      content: { [PROBLEM_TYPE]: { schema: problemSchema } },
    },
  }
  if (route.reply) response[route.status] = route.reply
  else if (route.status === 204) response[204] = z.undefined().describe('Done')
  return {
    operationId: route.id,
    tags: [route.id.slice(0, route.id.indexOf('.'))],
    summary: route.summary,
    description: [route.description, accessText(route.access)].filter(Boolean).join('\n\n'),
    security: route.access.kind === 'public' ? [] : [{ bearer: [] }],
    response,
  }
}

function accessText(access: Access): string {
  switch (access.kind) {
    case 'public':
      return 'For everybody.'
    case 'account':
      return `For any account, with a token of scope ${access.scope} or more.`
    case 'administrator':
      return 'For server administrators.'
    case 'organisation':
      return `For the role ${access.role} or higher.`
  }
}

function headersOf(route: ApiRoute): { headers?: JsonSchema } {
  const text = (description: string) => ({ type: 'string', description })
  const properties = {
    ...(route.access.kind === 'organisation' && {
      'Godwit-Organisation': text('Key or id; needed when the account has several'),
    }),
    ...(route.creates && {
      'Idempotency-Key': text('The same key with the same request is done once and answered alike for 24 hours'),
    }),
    ...(route.conditional && { 'If-Match': text('ETag that the thing must still have; else 412') }),
  }
  return Object.keys(properties).length > 0 ? { headers: { type: 'object', properties } } : {}
}

const BINARY: JsonSchema = { type: 'string', format: 'binary' }

/** Bodies that no schema checks, since they stream. */
function describeBodies(document: OpenApiDocument, route: ApiRoute): void {
  const url = `${API_BASE}${route.path}`.replace(/:(\w+)/g, '{$1}')
  const operation = document.paths[url]?.[route.method.toLowerCase()]
  if (!operation) return
  if (operation.requestBody && route.body?.safeParse(null).success)
    operation.requestBody = { ...operation.requestBody, required: false }
  if (route.consumes.length > 0)
    operation.requestBody = {
      required: true,
      content: Object.fromEntries(route.consumes.map((type) => [type, { schema: bodySchema(type) }])),
    }
  if (route.produces !== undefined)
    operation.responses[route.status] = {
      description: 'The content, streamed',
      content: Object.fromEntries(route.produces.split(' ').map((type) => [type, { schema: BINARY }])),
    }
}

function bodySchema(type: string): JsonSchema {
  if (type !== 'multipart/form-data') return BINARY
  return {
    type: 'object',
    properties: { file: BINARY },
    required: ['file'],
    additionalProperties: { type: 'string', description: 'Any query parameter may be a field of the form instead' },
  }
}

/** The provider names each schema twice, as input and as output; what nothing refers to is left out. */
function withoutUnused(document: OpenApiDocument): OpenApiDocument {
  const used = new Set<string>()
  const visit = (part: unknown): void => {
    for (const [, name = ''] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (used.has(name)) continue
      used.add(name)
      visit(document.components.schemas[name] ?? null)
    }
  }
  visit(document.paths)
  const schemas = Object.fromEntries(
    Object.entries(document.components.schemas)
      .filter(([name]) => used.has(name))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
  return { ...document, components: { ...document.components, schemas } }
}

/** Leaves out what zod says of every date, integer and record. */
function tidy(document: OpenApiDocument): OpenApiDocument {
  return JSON.parse(JSON.stringify(document), (_key, value) => {
    if (value?.format === 'date-time') delete value.pattern
    if (value?.minimum === Number.MIN_SAFE_INTEGER) delete value.minimum
    if (value?.maximum === Number.MAX_SAFE_INTEGER) delete value.maximum
    if (value?.propertyNames && Object.keys(value.propertyNames).join() === 'type') delete value.propertyNames
    return value
  })
}
