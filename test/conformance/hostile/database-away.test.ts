import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createProtocols } from '../../../src/server/protocols.ts'
import { openSqlStorage } from '../../../src/storage/sql/open-storage.ts'
import { type PostgresServer, sharedPostgres, startPostgres } from '../../support/postgres.ts'
import { startTestServer, type TestServer } from '../../support/test-server.ts'

const available = await sharedPostgres()
const bearer = { authorization: `Bearer gdw_${'a'.repeat(40)}` }
const lives = { sha256: 'a'.repeat(64) }

interface Call {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Record<string, string>
  readonly payload?: object
}

const CALLS: ReadonlyArray<readonly [name: string, call: Call, body: unknown]> = [
  [
    'native check',
    { method: 'POST', url: '/device/v1/check', headers: bearer, payload: {} },
    { code: 'unavailable', status: 503, retryAfter: 5 },
  ],
  ['IoTaaP latest', { method: 'GET', url: `/v1/ota/device/latest/${'a'.repeat(24)}` }, { error: 'not available' }],
  [
    'Spoke.Zone login',
    { method: 'POST', url: '/login', payload: { username: 'a@example.test', password: 'wrong' } },
    { errors: [{ type: 'internal-error', message: 'The server failed; try again later.' }] },
  ],
  [
    'EnOS device authentication',
    {
      method: 'POST',
      url: '/auth/product/device',
      payload: { signMethod: 'sha256', lifetime: '60', sign: lives.sha256 },
    },
    { code: 503, message: 'Service unavailable' },
  ],
  [
    'management API',
    { method: 'GET', url: '/api/godwit/v1/me', headers: bearer },
    { code: 'unavailable', status: 503 },
  ],
]

const POLLS = new Set(['native check', 'IoTaaP latest'])

/** Lines of the log that report a fault. */
function faults(server: TestServer): number {
  return server
    .log()
    .split('\n')
    .filter((line) => line.includes('"level":50')).length
}

describe.skipIf(available.kind === 'none')('while PostgreSQL is away', () => {
  let server: TestServer
  let postgres: PostgresServer
  beforeAll(async () => {
    const started = await startPostgres()
    if (started.kind === 'none') throw new Error(started.skip)
    postgres = started
    const storage = await openSqlStorage({ kind: 'postgres', url: await postgres.createDatabase(), migrate: true })
    server = await startTestServer({ storage, protocols: (host) => createProtocols(host, {}) })
    await postgres.stop()
  })
  afterAll(() => server.close())

  it.each(CALLS)('%s is answered 503 with Retry-After, in its own shape', async (name, call, body) => {
    const before = faults(server)
    const reply = await server.app.inject(call)
    expect([reply.statusCode, reply.headers['retry-after']], reply.body).toEqual([503, '5'])
    expect(reply.json()).toMatchObject(body as object)
    expect(reply.body).not.toMatch(/ECONNREFUSED|127\.0\.0\.1|select/i)
    // In an overload one line for each device would be many.
    if (POLLS.has(name)) expect(faults(server)).toBe(before)
  })

  it('the server says that it is not ready', async () => {
    expect((await server.app.inject('/readyz')).statusCode).toBe(503)
    expect((await server.app.inject('/healthz')).statusCode).toBe(200)
  })
})
