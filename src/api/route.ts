import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Role, TokenScope } from '../core/account/account.ts'
import type { Core, Services } from '../core/create-core.ts'
import type { Actor } from '../core/event/event.ts'
import type { Organisation } from '../core/organisation/organisation.ts'
import type { Stores } from '../core/ports.ts'
import type { Scope } from '../core/service.ts'
import type { ApiContext } from './api-context.ts'
import type { Caller } from './caller.ts'
import type { References } from './references.ts'

/** Who may call a route. The role is the least one; the token's scope bounds it further. */
export type Access =
  | { readonly kind: 'public' }
  /** Any account, of whatever organisation; `scope` = the least token scope. */
  | { readonly kind: 'account'; readonly scope: TokenScope }
  | { readonly kind: 'administrator' }
  | { readonly kind: 'organisation'; readonly role: Role }

/**
 * How a handler runs. `read`: over the management reader. `change`: in one transaction, so that all of its changes are
 * one; it may run twice after a serialisation conflict. `free`: opens its own transactions (hashing, uploads, streams).
 */
export type Mode = 'read' | 'change' | 'free'

/** What every handler gets. */
export interface PublicCall {
  readonly context: ApiContext
  readonly core: Core
  /** The services; within the open transaction in mode `change`. */
  readonly services: Services
  /** Reads that see what `services` wrote. */
  readonly stores: Stores
  /** What `serial` members of rows refer to, as keys and ids. */
  readonly references: References
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** The revision of If-Match; undefined = any. */
  readonly ifRevision: number | undefined
}

export interface AccountCall extends PublicCall {
  readonly caller: Caller
  readonly actor: Actor
}

export interface OrganisationCall extends AccountCall {
  readonly organisation: Organisation
  readonly role: Role
  readonly scope: Scope
}

/** A reply that is not simply the body with the route's own status. */
export class Answer<T> {
  readonly body: T
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(body: T, more: { status?: number; headers?: Readonly<Record<string, string>> } = {}) {
    this.body = body
    this.status = more.status
    this.headers = more.headers ?? {}
  }
}

/** Thrown at the end of a `change` that was only tried: everything is rolled back and `answer` is sent. */
export class DryRun extends Error {
  readonly answer: Answer<unknown>

  constructor(answer: Answer<unknown>) {
    super('dry run')
    this.name = 'DryRun'
    this.answer = answer
  }
}

/** The handler has answered by itself (a stream). */
export const SENT = Symbol('sent')

/** A route as the table holds it. */
export interface ApiRoute {
  readonly id: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below `/api/godwit/v1`. */
  readonly path: string
  readonly summary: string
  readonly description?: string
  readonly access: Access
  readonly mode: Mode
  /** Makes something: takes Idempotency-Key. */
  readonly creates: boolean
  /** Takes If-Match. */
  readonly conditional: boolean
  /** `raw`: the handler reads the body as it comes in. */
  readonly input: 'json' | 'raw'
  /** Content types of a raw body, for the reference. */
  readonly consumes: readonly string[]
  /** Content type of a reply that is no JSON, for the reference. */
  readonly produces: string | undefined
  readonly query: z.ZodObject
  readonly body: z.ZodType | undefined
  readonly reply: z.ZodType | undefined
  /** Of a good answer. */
  readonly status: 200 | 201 | 204
  handle(call: OrganisationCall, input: { params: unknown; query: unknown; body: unknown }): Promise<unknown>
}

type Names<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | Names<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never

interface Input<Path extends string, Query extends z.ZodRawShape, Body extends z.ZodType> {
  readonly params: Readonly<Record<Names<Path>, string>>
  readonly query: z.output<z.ZodObject<Query>>
  readonly body: z.output<Body>
}

interface Spec<
  Call,
  Path extends string,
  Query extends z.ZodRawShape,
  Body extends z.ZodType,
  Reply extends z.ZodType,
> {
  /** Stable name: `<resource>.<verb>`. */
  readonly id: string
  readonly method: ApiRoute['method']
  readonly path: Path
  readonly summary: string
  readonly description?: string
  readonly mode?: Mode
  readonly creates?: boolean
  readonly conditional?: boolean
  readonly input?: ApiRoute['input']
  readonly consumes?: readonly string[]
  readonly produces?: string
  readonly query?: Query
  readonly body?: Body
  readonly reply?: Reply
  readonly status?: ApiRoute['status']
  handle(call: Call, input: Input<Path, Query, Body>): Promise<z.input<Reply> | Answer<z.input<Reply>> | typeof SENT>
}

function toRoute(access: Access, spec: Spec<never, string, z.ZodRawShape, z.ZodType, z.ZodType>): ApiRoute {
  const organisation = z.string().max(64).optional().describe('Key or id; or the header Godwit-Organisation')
  return {
    id: spec.id,
    method: spec.method,
    path: spec.path,
    summary: spec.summary,
    ...(spec.description !== undefined && { description: spec.description }),
    access,
    mode: spec.mode ?? (spec.method === 'GET' ? 'read' : 'change'),
    creates: spec.creates ?? false,
    conditional: spec.conditional ?? false,
    input: spec.input ?? 'json',
    consumes: spec.consumes ?? [],
    produces: spec.produces,
    query: z.strictObject({ ...spec.query, ...(access.kind === 'organisation' && { organisation }) }),
    body: spec.body,
    reply: spec.reply,
    status: spec.status ?? (spec.creates ? 201 : spec.reply || spec.produces ? 200 : 204),
    handle: spec.handle as ApiRoute['handle'],
  }
}

/** A route of one organisation, for members of at least `role`. */
export function organisationRoute<
  const Path extends string,
  Query extends z.ZodRawShape = Record<never, never>,
  Body extends z.ZodType = z.ZodUndefined,
  Reply extends z.ZodType = z.ZodVoid,
>(role: Role, spec: Spec<OrganisationCall, Path, Query, Body, Reply>): ApiRoute {
  return toRoute({ kind: 'organisation', role }, spec as never)
}

/** A route of the caller's own account. */
export function accountRoute<
  const Path extends string,
  Query extends z.ZodRawShape = Record<never, never>,
  Body extends z.ZodType = z.ZodUndefined,
  Reply extends z.ZodType = z.ZodVoid,
>(scope: TokenScope, spec: Spec<AccountCall, Path, Query, Body, Reply>): ApiRoute {
  return toRoute({ kind: 'account', scope }, spec as never)
}

/** A route of the server itself. */
export function administratorRoute<
  const Path extends string,
  Query extends z.ZodRawShape = Record<never, never>,
  Body extends z.ZodType = z.ZodUndefined,
  Reply extends z.ZodType = z.ZodVoid,
>(spec: Spec<AccountCall, Path, Query, Body, Reply>): ApiRoute {
  return toRoute({ kind: 'administrator' }, spec as never)
}

/** A route for everybody. */
export function publicRoute<
  const Path extends string,
  Query extends z.ZodRawShape = Record<never, never>,
  Body extends z.ZodType = z.ZodUndefined,
  Reply extends z.ZodType = z.ZodVoid,
>(spec: Spec<PublicCall, Path, Query, Body, Reply>): ApiRoute {
  return toRoute({ kind: 'public' }, spec as never)
}
