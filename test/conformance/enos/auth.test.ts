import { beforeEach, describe, expect, it } from 'vitest'
import { hashToken } from '../../../src/core/device/secret-hash.ts'
import { STORAGES } from '../../support/storages.ts'
import { ACCESS_KEY, type Enos, sharedEnos, T } from './fixture.ts'
import { JobClient } from './job-client.ts'
import { expectOk, expectRefused, FIRMWARES, JOBS, type Program, UUID } from './program.ts'

describe.each(STORAGES)('signed calls on $name', ({ open }) => {
  const next = sharedEnos(open)
  let enos: Enos
  let program: Program
  let firmwareId: string
  beforeEach(async () => {
    enos = await next()
    program = enos.program
    firmwareId = (await enos.newFirmware('1.0')).firmware.id
  })

  const get = (rest: Parameters<Program['action']>[2] = {}) => program.action('get', { firmwareId }, rest)

  it('row 6: an error is HTTP 200 with a fresh requestId', async () => {
    const [first, second] = [await program.action('get', {}), await program.action('get', {})]
    expectRefused(first, 99400)
    expectRefused(second, 99400)
    expect(first.json.requestId).not.toBe(second.json.requestId)
  })

  it.each(['apim-accesstoken', 'apim-timestamp', 'apim-signature'])('row 7: without %s', async (name) => {
    expectRefused(await get({ headers: { [name]: undefined } }), 1202)
  })

  it.each([
    ['not digits', 'yesterday'],
    ['a fraction', `${T}.5`],
    ['17 digits', '17000000000000000'],
    ['6 minutes behind', String(T - 360_000)],
    ['6 minutes ahead', String(T + 360_000)],
  ])('row 7: a timestamp that is %s', async (_name, timestamp) => {
    expectRefused(await get({ timestamp }), 1004)
  })

  it('takes a timestamp that is 5 minutes off, either way', async () => {
    for (const timestamp of [T - 300_000, T + 300_000]) expectOk(await get({ timestamp }))
  })

  it('refuses a malformed signature as malformed', async () => {
    expectRefused(await get({ headers: { 'apim-signature': 'abc' } }), 1004)
  })

  it('row 8: upper-case signature; query in any order', async () => {
    const { headers } = await program.sign({ query: [['a', '1']] })
    expect(headers['apim-signature']).toMatch(/^[0-9a-f]{64}$/)
    const query = [
      ['orgId', 'org1'],
      ['firmwareId', firmwareId],
      ['action', 'get'],
    ] as const
    expectOk(await program.call({ query }))
    const signed = await program.sign({ query })
    const signature = String(signed.headers['apim-signature']).toUpperCase()
    expectOk(
      await program.send({
        method: 'GET',
        url: signed.url,
        headers: { ...signed.headers, 'apim-signature': signature },
      }),
    )
  })

  it('row 9: a signature over encoded values', async () => {
    const query = [
      ['action', 'listVersion'],
      ['orgId', 'org1'],
      ['productKey', 'a+b c'],
    ] as const
    const encoded = query.map(([name, value]) => [name, encodeURIComponent(value)] as const)
    const { headers } = await program.sign({ query: encoded })
    const { url } = await program.sign({ query })
    expectRefused(await program.send({ method: 'GET', url, headers }), 1003)
    expectRefused(await program.call({ query }), 99404)
  })

  it('row 9: a JSON body that was written anew after signing', async () => {
    const signedBody = '{"pagination": {"pageNo": 1}}'
    const call = { method: 'POST', body: '{"pagination":{"pageNo":1}}', contentType: 'application/json' } as const
    expectRefused(await program.action('search', {}, { ...call, signedBody }), 1003)
    expectOk(await program.action('search', {}, call))
  })

  it('row 9: orgId given twice', async () => {
    const query = [
      ['action', 'get'],
      ['orgId', 'org1'],
      ['orgId', 'org1'],
      ['firmwareId', firmwareId],
    ] as const
    expectRefused(await program.call({ query }), 99400)
  })

  it('row 10: an unknown token, and one that is over', async () => {
    expectRefused(await get({ token: 'nobody' }), 1203)
    expectOk(await get())
    enos.server.clock.advance(7_200_000)
    expectRefused(await get(), 1203)
  })

  it('row 10: the old token 30 s and 90 s after a refresh', async () => {
    const accessToken = await program.token()
    const fresh = await program.tokenService('refresh', { accessToken })
    expect(fresh.json.data.accessToken).not.toBe(accessToken)
    enos.server.clock.advance(30_000)
    expectOk(await get({ token: accessToken }))
    enos.server.clock.advance(60_000)
    expectRefused(await get({ token: accessToken }), 1203)
    expectOk(await get({ token: fresh.json.data.accessToken }))
  })

  it('row 11: a signature that changes state counts once', async () => {
    const call = { method: 'POST', timestamp: T + 1 } as const
    const { firmware: shipped } = await enos.newFirmware('3.0')
    const jobId = await new JobClient(program).create(shipped.id)
    const start = (timestamp: number) => program.action('start', { jobId }, { ...call, timestamp, path: JOBS })
    expectOk(await start(T + 1))
    expectRefused(await start(T + 1), 1001)
    expectRefused(await start(T + 2), 24615)

    const { firmware } = await enos.newFirmware('2.0')
    expectOk(await program.action('delete', { firmwareId: firmware.id }, call))
    expectRefused(await program.action('delete', { firmwareId: firmware.id }, call), 1001)
    const again = { ...call, timestamp: T + 2 }
    expectRefused(await program.action('delete', { firmwareId: firmware.id }, again), 24404)
  })

  it('row 11: replays are remembered until the timestamp has left the window', async () => {
    const call = { method: 'POST', timestamp: T + 300_000 } as const
    expectRefused(await program.action('delete', { firmwareId: 'x' }, call), 24404)
    enos.server.clock.advance(600_000)
    expectRefused(await program.action('delete', { firmwareId: 'x' }, call), 1001)
    enos.server.clock.advance(1)
    expectRefused(await program.action('delete', { firmwareId: 'x' }, call), 1004)
  })

  it('row 11: reading and searching with one signature as often as one likes', async () => {
    for (let time = 0; time < 3; time += 1) {
      expectOk(await get({ timestamp: T + 7 }))
      expectOk(await program.action('search', {}, { method: 'POST', timestamp: T + 8 }))
    }
  })

  it('refuses a disabled credential, at once and for as long as it is disabled', async () => {
    const key = await enos.server.core.accessKeys.findByKey(ACCESS_KEY)
    const setDisabled = (disabled: boolean) =>
      enos.server.core.accessKeys.update(enos.tenant.scope, key?.id ?? '', { disabled })
    expectOk(await get())
    await setDisabled(true)
    expectRefused(await get(), 1002)
    await setDisabled(false)
    expectOk(await get())
  })

  it('looks at authentication before everything else', async () => {
    expectRefused(await program.call({ query: [], token: 'nobody' }), 1203)
    expectRefused(await program.action(undefined, {}, { timestamp: T - 400_000 }), 1004)
  })

  it('takes no Content-Type, no body and {} where no body is needed', async () => {
    for (const body of [undefined, '', '{}'])
      for (const contentType of [
        undefined,
        'application/json',
        'text/plain; charset=utf-8',
        'application/octet-stream',
      ])
        expectOk(
          await program.action(
            'search',
            {},
            {
              method: 'POST',
              ...(body !== undefined && { body }),
              ...(contentType && { contentType }),
            },
          ),
        )
  })

  it('answers faults of the transport with their status and the envelope', async () => {
    const unknown = await program.send({ method: 'GET', url: '/connect-service/v2.2/ota-firmwares' })
    expect(unknown.status).toBe(404)
    expect(unknown.json).toMatchObject({ code: 99404, data: null, requestId: expect.stringMatching(UUID) })
    const method = await program.send({ method: 'DELETE', url: FIRMWARES })
    expect(method.status).toBe(405)
    expect(method.headers.get('allow')).toBe('GET, HEAD, POST')
    expect(method.json).toMatchObject({ code: 99400, data: null, requestId: expect.stringMatching(UUID) })
    const body = Buffer.alloc(enos.server.host.limits.jsonBodyBytes + 1, ' ')
    const large = await program.action('search', {}, { body, contentType: 'application/json' })
    expect(large.status).toBe(413)
    expect(large.json).toMatchObject({ code: 99400, data: null, requestId: expect.stringMatching(UUID) })
  })

  it('logs neither token nor signature', async () => {
    const { headers } = await program.sign({ query: [] })
    await get()
    enos.server.app.log.info({ headers }, 'a request')
    const log = enos.server.log()
    expect(log).toContain('a request')
    expect(log).not.toContain(await program.token())
    expect(log).not.toContain(headers['apim-signature'])
  })
})

describe.each(STORAGES)('vectors of signed calls on $name', ({ open }) => {
  const next = sharedEnos(open)
  let enos: Enos

  /** A credential with a given secret that holds a given token, in an organisation with a given orgId. */
  async function holder(token: string, secret: string): Promise<void> {
    enos = await next()
    const { core } = enos.server
    const tenant = await enos.newTenant('yourOrgId')
    await enos.newProgram({ key: 'ak1', secret, permissions: ['write'], tenant })
    const accessKey = await core.accessKeys.findByKey('ak1')
    await core.deps.storage.transaction((stores) =>
      stores.accessTokens.insert({
        hash: hashToken(token),
        accessKey: accessKey?.serial ?? 0,
        sealed: core.deps.secrets.seal(token, 'access-token'),
        expiresAt: Number.MAX_SAFE_INTEGER,
        isCurrent: true,
      }),
    )
  }

  it.each([
    {
      name: "the vendor's own POST",
      token: 'xxxxaaaxxxx',
      secret: 'xxxappSecretxxx',
      method: 'POST',
      query: 'k3=v3&k1=v1&k2=v2',
      timestamp: 1572574909697,
      body: '{\n  "count": 20,\n  "page": 1,\n  "desc": "描述"\n}',
      contentType: 'application/json',
      signature: '59828328f6c1f9771015dc74e4929ae30f518a35a3d2353972c2ea46556fc981',
      code: 99400,
    },
    {
      name: 'GET',
      query: 'action=get&orgId=yourOrgId&firmwareId=yourFirmwareId',
      signature: '93281c4087bdbaa3e277d194ada39a528e70eabd2426e11f242bbd2397be2343',
      code: 24404,
    },
    {
      name: 'encoded values',
      query: 'orgId=o%201&action=listVersion&productKey=a%2Bb',
      signature: 'd179580d8b2fdb5e107706e201110ea5a1937ea6ac800b65680e28f086e6cba4',
      code: 99400,
    },
    {
      name: 'encoded values, the blank as a plus',
      query: 'orgId=o+1&action=listVersion&productKey=a%2Bb',
      signature: 'd179580d8b2fdb5e107706e201110ea5a1937ea6ac800b65680e28f086e6cba4',
      code: 99400,
    },
    {
      name: 'multipart, any parts',
      method: 'POST',
      query: 'action=create&orgId=yourOrgId&productKey=pk1',
      body: '--x\r\nContent-Disposition: form-data; name="metadata"\r\n\r\nwhatever\r\n--x--\r\n',
      contentType: 'multipart/form-data; boundary=x',
      signature: '98ccad7856c95d77f258053f207e16ab998978672fb5be09bdc72526ec0d2bbf',
      code: 99400,
    },
    {
      name: 'body {}',
      method: 'POST',
      path: JOBS,
      query: 'action=start&orgId=yourOrgId&jobId=j1',
      body: '{}',
      contentType: 'application/json',
      signature: '8b39bfde5829ca3f79edeb0cd440cafc0f977b019c535b719d0c88eff990bb31',
      code: 24404,
    },
    {
      name: 'the same without a body',
      method: 'POST',
      path: JOBS,
      query: 'action=start&orgId=yourOrgId&jobId=j1',
      signature: '583db1a078dc44f36483316b71c9b35e520c293fda465a0dfff611f0f053899f',
      code: 24404,
    },
  ] as const)('vector 2.4: $name', async (vector) => {
    const { token, secret, timestamp, path, method, body, contentType } = { ...VECTOR, ...vector }
    await holder(token, secret)
    enos.server.clock.set(timestamp)
    const send = (signature: string) =>
      enos.program.send({
        method,
        url: `${path}?${vector.query}`,
        headers: {
          'apim-accesstoken': token,
          'apim-timestamp': String(timestamp),
          'apim-signature': signature,
          ...(contentType && { 'content-type': contentType }),
        },
        ...(body && { payload: body }),
      })
    // Past authentication, which nothing but the right digest gets by.
    expectRefused(await send(vector.signature.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))), 1003)
    expectRefused(await send(vector.signature), vector.code)
  })
})

const VECTOR = {
  token: 'tok1',
  secret: 'sk1',
  timestamp: T,
  path: FIRMWARES,
  method: 'GET' as 'GET' | 'POST',
  body: undefined as string | undefined,
  contentType: undefined as string | undefined,
}
