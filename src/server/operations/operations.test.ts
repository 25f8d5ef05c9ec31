import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../../../test/support/test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ protocols: () => [] })
})
afterAll(() => server.close())

const get = (url: string, headers: Record<string, string> = {}) => server.app.inject({ url, headers })

describe('the host itself', () => {
  it('leads from the root to where the console belongs, and says that there is none', async () => {
    const root = await get('/')
    expect([root.statusCode, root.headers.location]).toEqual([302, '/console/'])
    expect((await get('/console/')).body).toContain('no web console')
    expect((await server.app.inject({ method: 'HEAD', url: '/' })).statusCode).toBe(302)
  })

  it('says that it lives and that database and blobs answer', async () => {
    expect((await get('/healthz')).json()).toEqual({ status: 'ok' })
    expect((await get('/readyz')).json()).toEqual({ status: 'ready' })
  })

  it('shows metrics to the machine itself, and to nobody behind a proxy without a token', async () => {
    await get('/nowhere')
    const direct = await get('/metrics')
    expect(direct.headers['content-type']).toMatch(/^text\/plain/)
    expect(direct.body).toMatch(/godwit_http_requests_total\{protocol="godwit",status="404"\} 1/)
    const proxied = await get('/metrics', { 'x-forwarded-for': '203.0.113.7' })
    expect(proxied.statusCode).toBe(401)
    expect(
      (await get('/metrics', { 'x-forwarded-for': '203.0.113.7', authorization: 'Bearer gdw_no' })).statusCode,
    ).toBe(401)
  })

  it('answers in JSON what nobody owns', async () => {
    expect((await get('/nowhere')).json()).toEqual({ error: 'Not found' })
    const post = await server.app.inject({ method: 'POST', url: '/healthz' })
    expect([post.statusCode, post.headers.allow]).toEqual([405, 'GET, HEAD'])
    expect((await get('/%zz')).statusCode).toBe(400)
  })
})
