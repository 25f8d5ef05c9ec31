import { beforeEach, describe, expect, it } from 'vitest'
import { STORAGES } from '../../support/storages.ts'
import { ACCESS_KEY, type Enos, SECRET, sharedEnos, T } from './fixture.ts'
import { expectRefused, type Program, type Reply, sha256 } from './program.ts'

function expectToken(reply: Reply, expire?: number): string {
  expect(reply.status).toBe(200)
  expect(reply.json).toEqual({
    status: 0,
    msg: 'SUCCESS',
    business: 'apim-token-service',
    data: { accessToken: expect.stringMatching(/^\S{20,}$/), expire: expire ?? expect.any(Number) },
  })
  return reply.json.data.accessToken
}

function expectNoToken(reply: Reply, status: number): void {
  expect(reply.status).toBe(200)
  expect(reply.json).toEqual({ status, msg: expect.any(String), business: 'apim-token-service', data: null })
}

describe.each(STORAGES)('token service on $name', ({ open }) => {
  const next = sharedEnos(open)
  let enos: Enos
  let program: Program
  beforeEach(async () => {
    enos = await next()
    program = enos.program
  })

  it('row 12: the same token while it lives, with the seconds left', async () => {
    const first = expectToken(await program.tokenService('get'), 7200)
    enos.server.clock.advance(10_500)
    expect(expectToken(await program.tokenService('get'), 7189)).toBe(first)
    enos.server.clock.advance(7_189_500)
    expect(expectToken(await program.tokenService('get'), 7200)).not.toBe(first)
  })

  it('row 12: the same encryption twice', async () => {
    expectToken(await program.tokenService('get', { timestamp: T }))
    expectNoToken(await program.tokenService('get', { timestamp: T }), 1001)
    expectToken(await program.tokenService('get', { timestamp: T + 1 }))
  })

  it('row 12: the same encryption twice at once', async () => {
    const both = await Promise.all([1, 2].map(() => program.tokenService('get', { timestamp: T })))
    expect(both.map(({ json }) => json.status).sort()).toEqual([0, 1001])
  })

  it('gives two first calls at once one token', async () => {
    const both = await Promise.all([T, T + 1, T + 2].map((timestamp) => program.tokenService('get', { timestamp })))
    expect(new Set(both.map((reply) => expectToken(reply))).size).toBe(1)
  })

  it('row 13: get, then refresh with the same encryption; timestamp as string or number', async () => {
    const accessToken = expectToken(await program.tokenService('get', { timestamp: T }))
    const fresh = expectToken(await program.tokenService('refresh', { timestamp: T, accessToken }), 7200)
    expect(fresh).not.toBe(accessToken)
    expect(expectToken(await program.tokenService('get', { timestamp: String(T + 1) }))).toBe(fresh)
    expectNoToken(await program.tokenService('get', { timestamp: T + 1 }), 1001)
  })

  it('gives a second refresh of one token the token of the first', async () => {
    const accessToken = await program.token()
    const both = await Promise.all(
      [T + 5, T + 6].map((timestamp) => program.tokenService('refresh', { timestamp, accessToken })),
    )
    const tokens = both.map((reply) => expectToken(reply, 7200))
    expect(new Set(tokens).size).toBe(1)
    expect(tokens).not.toContain(accessToken)
  })

  it('row 14: unknown appKey, wrong encryption', async () => {
    expectNoToken(await program.tokenService('get', {}, { appKey: 'nobody' }), 1002)
    expectNoToken(await program.tokenService('get', {}, { encryption: '0'.repeat(64) }), 1003)
    const key = await enos.server.core.accessKeys.findByKey(ACCESS_KEY)
    await enos.server.core.accessKeys.update(enos.tenant.scope, key?.id ?? '', { disabled: true })
    expectNoToken(await program.tokenService('get'), 1002)
  })

  it.each(['appKey', 'encryption', 'timestamp'])('row 14: empty %s', async (field) => {
    for (const value of ['', null, undefined])
      expectNoToken(await program.tokenService('get', {}, { [field]: value }), 1202)
  })

  it.each([
    ['timestamp of letters', { timestamp: 'now' }],
    ['timestamp of 17 digits', { timestamp: '17000000000000000' }],
    ['negative timestamp', { timestamp: -1 }],
    ['timestamp as an object', { timestamp: {} }],
    ['timestamp 6 minutes behind', { timestamp: T - 360_000 }],
    ['timestamp 6 minutes ahead', { timestamp: T + 360_000 }],
  ])('refuses a %s', async (_name, fields) => {
    expectNoToken(await program.tokenService('get', fields), 1004)
  })

  it('refuses what is no JSON object', async () => {
    for (const payload of ['', '[]', '{', 'appKey=x']) {
      const reply = await program.send({ method: 'POST', url: '/apim-token-service/v2.0/token/get', payload })
      expectNoToken(reply, 1004)
    }
  })

  it('row 15: refresh with the token of another credential, with one that is over, with none', async () => {
    const other = await enos.newProgram()
    expectNoToken(await program.tokenService('refresh', { accessToken: await other.token() }), 1204)
    const accessToken = await program.token()
    enos.server.clock.advance(7_200_000)
    expectNoToken(await program.tokenService('refresh', { accessToken }), 1203)
    expectNoToken(await program.tokenService('refresh', { accessToken: '' }), 1202)
    expectNoToken(await program.tokenService('refresh'), 1202)
  })

  it.each([
    ['ak1', 'sk1', '2dc28bfa5f6db98e65588b526d1fe0ba1faea875ce1bab50aca44da40f902168'],
    [ACCESS_KEY, SECRET, '8b7ad6f66721eb4604429c005c6ecd64703651531631b8f64dafb0a28b998592'],
  ])('vector 2.4: encryption of %s', async (key, secret, encryption) => {
    if (key !== ACCESS_KEY) await enos.newProgram({ key, secret })
    expect(sha256(key, String(T), secret)).toBe(encryption)
    const post = (timestamp: unknown, given = encryption) =>
      program.send({
        method: 'POST',
        url: '/apim-token-service/v2.0/token/get',
        headers: { 'content-type': 'application/json' },
        payload: JSON.stringify({ appKey: key, encryption: given, timestamp }),
      })
    expectNoToken(await post(T, encryption.replace(/.$/, 'x')), 1004)
    expectToken(await post(T))
    expectNoToken(await post(String(T)), 1001)
  })

  it('answers faults of the transport in its own shape', async () => {
    const unknown = await program.send({ method: 'POST', url: '/apim-token-service/v2.0/token/drop' })
    expect(unknown.status).toBe(404)
    expect(unknown.json).toEqual({ status: 1004, msg: 'Not found', business: 'apim-token-service', data: null })
    const method = await program.send({ method: 'GET', url: '/apim-token-service/v2.0/token/get' })
    expect(method.status).toBe(405)
    expect(method.headers.get('allow')).toBe('POST')
  })

  it('forgets the tokens of a deleted credential', async () => {
    const other = await enos.newProgram()
    const token = await other.token()
    expect((await other.search('search')).json.code).toBe(0)
    const key = await enos.server.core.accessKeys.findByKey(other.options.key)
    await enos.server.core.accessKeys.delete(enos.tenant.scope, key?.id ?? '')
    expectRefused(await other.action('search', {}, { method: 'POST', token }), 1203)
  })
})
