import { describe, expect, test } from 'vitest'
import { fillEgress } from '../../support/full-egress.ts'
import { IMAGE, onEveryStorage, sha256, tokenOf } from './fixture.ts'

const PATH = `/device/v1/artifacts/${sha256(IMAGE)}`
const ETAG = `"sha256-${sha256(IMAGE)}"`

onEveryStorage((useFixture) => {
  describe('an artifact', () => {
    const fixture = useFixture()
    const get = (headers: Record<string, string> = {}, method = 'GET') => fixture().call(PATH, { headers, method })

    test('is nobody\u2019s before it is offered, and of another device never', async () => {
      expect((await get()).status).toBe(404)
      await fixture().assign('1.1.0')
      expect((await get()).status).toBe(404)
      await fixture().offered()
      expect((await get({}, 'HEAD')).status).toBe(200)
      for (const key of ['truck-2', 'foreign'])
        expect((await fixture().call(PATH, { token: tokenOf(key) })).json).toMatchObject({ code: 'not-found' })
      for (const name of ['0'.repeat(64), 'x', sha256(IMAGE).toUpperCase(), '..%2f..%2fmaster.key'])
        expect((await fixture().call(`/device/v1/artifacts/${name}`)).status).toBe(404)
    })

    test('is sent whole, with its tag and digest, and says that the download has begun', async () => {
      expect((await fixture().latest())?.state).toBe('offered')
      const { status, headers, bytes } = await get()
      expect([status, bytes.equals(IMAGE)]).toEqual([200, true])
      expect(headers.get('etag')).toBe(ETAG)
      expect(headers.get('accept-ranges')).toBe('bytes')
      expect(headers.get('content-length')).toBe('1000')
      expect(headers.get('content-type')).toBe('application/octet-stream')
      const digest = Buffer.from(sha256(IMAGE), 'hex').toString('base64')
      expect(headers.get('repr-digest')).toBe(`sha-256=:${digest}:`)
      expect((await fixture().latest())?.state).toBe('downloading')
    })

    test('comes later where no download can be begun now, and nothing has moved until then', async () => {
      await fixture().assign('1.1.0')
      await fixture().offered()
      const state = (await fixture().latest())?.state
      const giveBack = fillEgress(fixture().server)
      const { status, headers, json } = await get()
      expect([status, Number(headers.get('retry-after')) >= 30]).toEqual([429, true])
      expect(json).toMatchObject({ code: 'too-many', retryAfter: Number(headers.get('retry-after')) })
      expect((await get({}, 'HEAD')).status).toBe(200)
      expect((await get({ 'If-None-Match': ETAG })).status).toBe(304)
      expect((await fixture().latest())?.state).toBe(state)
      giveBack()
      expect((await get()).status).toBe(200)
    })

    test('is sent in parts', async () => {
      const tail = await get({ Range: 'bytes=990-' })
      expect([tail.status, tail.headers.get('content-range')]).toEqual([206, 'bytes 990-999/1000'])
      expect(tail.bytes).toEqual(IMAGE.subarray(990))
      const several = await get({ Range: 'bytes=0-4,-5' })
      expect([several.status, several.headers.get('content-type')]).toEqual([
        206,
        expect.stringMatching(/^multipart\/byteranges; boundary=/),
      ])
      for (const part of [IMAGE.subarray(0, 5), IMAGE.subarray(995)]) expect(several.bytes.includes(part)).toBe(true)
      const beyond = await get({ Range: 'bytes=1000-' })
      expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */1000'])
      expect(beyond.json).toMatchObject({ code: 'range-not-satisfiable', status: 416 })
    })

    test('heeds conditions', async () => {
      expect((await get({ 'If-None-Match': ETAG })).status).toBe(304)
      expect((await get({ 'If-Match': '"other"' })).json).toMatchObject({ code: 'precondition-failed', status: 412 })
      expect((await get({ Range: 'bytes=0-1', 'If-Range': ETAG })).status).toBe(206)
      expect((await get({ Range: 'bytes=0-1', 'If-Range': '"other"' })).status).toBe(200)
    })

    test('is a fault of the server, with no bytes, when its file is gone', async () => {
      await fixture().server.core.deps.blobs.delete(sha256(IMAGE))
      const { status, json } = await get()
      expect([status, json.code, json.detail]).toEqual([500, 'blob-missing', 'The server failed; try again later.'])
    })

    test('is nobody\u2019s any more once the update is over', async () => {
      await fixture().check({ running: { main: '1.1.0' } })
      expect((await get()).status).toBe(404)
    })
  })
})
