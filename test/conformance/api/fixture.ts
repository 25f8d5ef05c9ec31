import type { InjectOptions } from 'fastify'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { managementApi } from '../../../src/api/protocol.ts'
import type { Role, TokenScope } from '../../../src/core/account/account.ts'
import { SYSTEM } from '../../../src/core/event/event.ts'
import type { CoreLimits } from '../../../src/core/limits.ts'
import type { Organisation } from '../../../src/core/organisation/organisation.ts'
import type { Scope } from '../../../src/core/service.ts'
import type { WebhookSender } from '../../../src/core/webhook/webhook-sender.ts'
import type { HttpLimits } from '../../../src/protocols/http/limits.ts'
import { startTestServer, type TestServer } from '../../support/test-server.ts'
import type { ApiStorage } from './storages.ts'

export const BASE = '/api/godwit/v1'
export const PASSWORD = 'correct horse battery'

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
  readonly bytes: Buffer
  // biome-ignore lint/suspicious/noExplicitAny: tests look at members of what came over the wire
  readonly json: any
}

export interface CallOptions {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly payload?: Exclude<InjectOptions['payload'], undefined>
}

/** Somebody with a token. */
export interface Client {
  readonly token: string
  call(method: string, path: string, options?: CallOptions): Promise<Reply>
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Reply>
  post(path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Reply>
  patch(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Reply>
}

export interface Tenant {
  readonly organisation: Organisation
  readonly scope: Scope
  readonly owner: Client
  readonly operator: Client
  readonly viewer: Client
}

export class Api {
  readonly server: TestServer
  readonly remove: () => Promise<void>

  constructor(server: TestServer, remove: () => Promise<void>) {
    this.server = server
    this.remove = remove
  }

  get core() {
    return this.server.core
  }

  client(token: string): Client {
    const call = async (method: string, path: string, options: CallOptions = {}): Promise<Reply> => {
      const { body, headers, payload } = options
      const response = await this.server.app.inject({
        method: method as 'GET',
        url: path.startsWith('/') && !path.startsWith('/api/') && path !== '/docs' ? `${BASE}${path}` : path,
        headers: {
          ...(token !== '' && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { payload: JSON.stringify(body) }),
        ...(payload !== undefined && { payload }),
      })
      const isJson =
        /json/.test(String(response.headers['content-type'])) &&
        !/ndjson/.test(String(response.headers['content-type']))
      return {
        status: response.statusCode,
        headers: response.headers,
        text: response.body,
        bytes: response.rawPayload,
        json: isJson ? response.json() : undefined,
      }
    }
    return {
      token,
      call,
      get: (path, headers) => call('GET', path, headers && { headers }),
      post: (path, body, headers) => call('POST', path, { body, ...(headers && { headers }) }),
      patch: (path, body, headers) => call('PATCH', path, { body, ...(headers && { headers }) }),
    }
  }

  /** An account with a token that never expires. */
  async account(
    email: string,
    options: { role?: Role; organisation?: Organisation; isAdministrator?: boolean; scope?: TokenScope } = {},
  ): Promise<Client> {
    const { isAdministrator = false, scope = 'admin' } = options
    const account = await this.core.accounts.create(SYSTEM, { email, password: PASSWORD, isAdministrator })
    if (options.organisation)
      await this.core.accounts.setRole(
        { actor: SYSTEM, organisation: options.organisation.serial },
        account.id,
        options.role ?? 'owner',
      )
    const { secret } = await this.core.apiTokens.create(SYSTEM, account, { name: 'test', scope })
    return this.client(secret)
  }

  async tenant(key: string): Promise<Tenant> {
    const organisation = await this.core.organisations.create(SYSTEM, { key })
    const member = (role: Role) => this.account(`${role}@${key}.example`, { role, organisation })
    return {
      organisation,
      scope: { actor: SYSTEM, organisation: organisation.serial },
      owner: await member('owner'),
      operator: await member('operator'),
      viewer: await member('viewer'),
    }
  }

  async close(): Promise<void> {
    await this.server.close()
    await this.remove()
  }
}

export interface ApiOptions {
  readonly listen?: boolean
  readonly limits?: Partial<CoreLimits>
  readonly http?: Partial<HttpLimits>
  readonly webhooks?: WebhookSender
}

/** A server with nothing but the management API; every reply is checked against its schema. */
export async function startApi({ open }: ApiStorage, options: ApiOptions = {}): Promise<Api> {
  const { storage, remove } = await open()
  const server = await startTestServer({
    ...options,
    storage,
    protocols: (host) => [
      managementApi(host, {
        version: '1.2.3',
        tokenIssuers: { 'spoke-zone': async (facts) => `token-of-${facts.device.key}` },
        checkReplies: true,
        ...(options.webhooks && { webhooks: options.webhooks }),
      }),
    ],
  })
  return new Api(server, remove)
}

/** One server for all tests of a suite. */
export function useApi(storage: ApiStorage, options: ApiOptions = {}): () => Api {
  let api: Api | undefined
  beforeAll(async () => {
    api = await startApi(storage, options)
  })
  // What the server logged explains a 5xx better than its answer does.
  afterEach(({ onTestFailed }) =>
    onTestFailed(() =>
      console.error(
        api?.server
          .log()
          .split('\n')
          .filter((line) => line.includes('"level":50'))
          .join('\n'),
      ),
    ),
  )
  afterAll(async () => api?.close())
  return () => {
    if (!api) throw new Error('the server is started before the first test')
    return api
  }
}

/** The reply is a problem document of this status and code. */
export function expectProblem(reply: Reply, status: number, code: string): void {
  expect([reply.status, reply.json?.code, reply.text]).toEqual([status, code, reply.text])
  expect(reply.headers['content-type']).toBe('application/problem+json; charset=utf-8')
  expect(reply.json).toMatchObject({ status, code, type: `/docs#problem-${code}` })
  expect(reply.json.title).toMatch(/\S/)
  expect(reply.json.detail).toMatch(/\S/)
}

/** The reply is good, and its body. */
export function expectDone(reply: Reply, status = 200) {
  expect([reply.status, reply.text]).toEqual([status, reply.text])
  return reply.json
}
