import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { fillEgress } from '../../support/full-egress.ts'
import { IMAGE, IMAGE_SHA256, L, onEveryStorage, standard404, V } from './fixture.ts'

const FILE = `${L}/12345/file`
const ETAG = `"sha256-${IMAGE_SHA256}"`

onEveryStorage((useFixture) => {
  describe('a download', () => {
    const fixture = useFixture()
    const get = (path: string, headers: Record<string, string> = {}) => fixture().call(path, { headers })

    test('row 21: is the bytes that were listed, with exact headers', async () => {
      const [listed] = (await get(L)).json as { sha256: string; size: number; fileLocation: string }[]
      const answer = await get(FILE, { 'Accept-Encoding': 'gzip' })
      expect(answer.status).toBe(200)
      expect(answer.body.equals(IMAGE)).toBe(true)
      expect(createHash('sha256').update(answer.body).digest('hex')).toBe(listed?.sha256)
      expect(listed).toMatchObject({ size: 1000, fileLocation: FILE })
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'content-length': '1000',
        'content-type': 'application/octet-stream',
        etag: ETAG,
        'accept-ranges': 'bytes',
        'content-disposition': 'attachment; filename="display-app-1.2.3.bin"',
        'cache-control': 'private, no-transform',
      })
      for (const name of ['transfer-encoding', 'content-encoding', 'location'])
        expect(answer.headers.has(name)).toBe(false)
    })

    test('where no download can be begun now is 429, to come again', async () => {
      const giveBack = fillEgress(fixture().server)
      const answer = await get(FILE)
      expect([answer.status, Number(answer.headers.get('retry-after')) >= 30]).toEqual([429, true])
      expect(answer.json).toMatchObject({ errors: [{ type: 'limit-exceeded' }] })
      giveBack()
      expect((await get(FILE)).status).toBe(200)
    })

    test('row 22: of an inactive file is not found', async () => {
      const answer = await get(`${L}/70000/file`)
      expect([answer.status, answer.json]).toEqual([404, standard404('70000')])
    })

    test.each(['80000', '90000', '99999', '9007199254740993', '9999999999999999'])(
      'row 23: of %s, which the device cannot see, is not found',
      async (id) => {
        const answer = await get(`${L}/${id}/file`)
        expect([answer.status, answer.json]).toEqual([404, standard404(id)])
      },
    )

    test.each(['abc', '012345', '-1', '1.5', '0x3039', '12345%20', '1'.repeat(17)])(
      'row 24: of the malformed id %s is not found',
      async (id) => {
        const answer = await get(`${L}/${id}/file`)
        expect([answer.status, answer.json]).toEqual([404, standard404(decodeURIComponent(id))])
      },
    )

    test('row 24: an id that cannot be decoded or never ends is not found, and echoed in part', async () => {
      expect((await get(`${L}/%zz/file`)).status).toBe(404)
      expect((await get(`${L}/${'9'.repeat(2000)}/file`)).status).toBe(404)
      const long = await get(`${L}/${'9'.repeat(100)}/file`)
      expect([long.status, long.json]).toEqual([404, standard404('9'.repeat(32))])
    })

    test('row 25: continues from an offset', async () => {
      const answer = await get(FILE, { Range: 'bytes=900-' })
      expect(answer.status).toBe(206)
      expect(answer.headers.get('content-range')).toBe('bytes 900-999/1000')
      expect(answer.headers.get('content-length')).toBe('100')
      expect(answer.body.equals(IMAGE.subarray(900))).toBe(true)
    })

    test('row 26: knows suffixes, and refuses what lies beyond the end', async () => {
      const suffix = await get(FILE, { Range: 'bytes=-10' })
      expect(suffix.status).toBe(206)
      expect(suffix.body.equals(IMAGE.subarray(990))).toBe(true)
      const beyond = await get(FILE, { Range: 'bytes=1000-' })
      expect(beyond.status).toBe(416)
      expect(beyond.headers.get('content-range')).toBe('bytes */1000')
      expect(beyond.json).toMatchObject({ errors: [{ type: 'invalid-field', details: { field: 'range' } }] })
    })

    test.each(['bytes=0-1,5-6', 'lines=1-2', 'bytes=9-1', 'bytes='])('row 27: ignores the range %s', async (range) => {
      const answer = await get(FILE, { Range: range })
      expect(answer.status).toBe(200)
      expect(answer.body.equals(IMAGE)).toBe(true)
    })

    test('row 28: continues only the same file', async () => {
      const same = await get(FILE, { Range: 'bytes=10-', 'If-Range': ETAG })
      expect(same.status).toBe(206)
      expect(same.body.equals(IMAGE.subarray(10))).toBe(true)
      const other = await get(FILE, { Range: 'bytes=10-', 'If-Range': '"other"' })
      expect(other.status).toBe(200)
      expect(other.body.equals(IMAGE)).toBe(true)
    })

    test('row 29: is not repeated for a client that has it', async () => {
      const answer = await get(FILE, { 'If-None-Match': ETAG })
      expect(answer.status).toBe(304)
      expect(answer.body).toHaveLength(0)
      expect(answer.headers.get('etag')).toBe(ETAG)
      expect((await get(FILE, { 'If-None-Match': '"other"' })).status).toBe(200)
    })

    test('row 30: HEAD has the headers of GET without a body, and ignores Range', async () => {
      const got = await get(FILE)
      const head = await fixture().call(FILE, { method: 'HEAD', headers: { Range: 'bytes=900-' } })
      expect(head.status).toBe(200)
      expect(head.body).toHaveLength(0)
      for (const name of ['content-length', 'content-type', 'etag', 'accept-ranges', 'content-disposition'])
        expect(head.headers.get(name)).toBe(got.headers.get(name))
      expect((await fixture().call(`${L}/70000/file`, { method: 'HEAD' })).status).toBe(404)
    })

    test('row 31: a file can be read about, active or not', async () => {
      const answer = await get(`${L}/70000`)
      expect(answer.status).toBe(200)
      expect(answer.json).toMatchObject({ id: '70000', version: '2.0.0', isActive: false })
      const hidden = await get(`${L}/80000`)
      expect([hidden.status, hidden.json]).toEqual([404, standard404('80000')])
    })

    test('row 32: of a file that is deactivated meanwhile does not go on', async () => {
      const { core } = fixture().server
      const id = await fixture().firmwareId(67890)
      expect((await get(`${L}/67890/file`)).status).toBe(200)
      await core.firmware.update(fixture().scope, id, { active: false })
      const answer = await get(`${L}/67890/file`, { Range: 'bytes=500-' })
      expect([answer.status, answer.json]).toEqual([404, standard404('67890')])
      await core.firmware.update(fixture().scope, id, { active: true })
    })

    test('by a user follows the same rules across products', async () => {
      const token = await fixture().userToken()
      const call = (id: string) => fixture().call(`${L}/${id}/file`, { token })
      expect((await call('12345')).body.equals(IMAGE)).toBe(true)
      expect((await call('80000')).status).toBe(200)
      for (const id of ['70000', '90000', '99999']) {
        const answer = await call(id)
        expect([answer.status, answer.json]).toEqual([404, standard404(id)])
      }
      expect((await fixture().call(`${L}/70000`, { token })).status).toBe(200)
      expect((await fixture().call(`${L}/90000`, { token })).status).toBe(404)
    })

    test('has no letters in its name that a header could not bear', async () => {
      await fixture().addFirmware({ product: 7, module: 11, serial: 72000, version: '1.0"+b;1' })
      const answer = await get(`${L}/72000/file`)
      expect(answer.headers.get('content-disposition')).toBe('attachment; filename="display-app-1.0__b_1.bin"')
    })
  })

  describe('version 1', () => {
    const fixture = useFixture()

    test('row 33: lists active files unless asked otherwise, under its own names', async () => {
      const answer = await fixture().call(V)
      expect(answer.status).toBe(200)
      expect(answer.column('firmware_id')).toEqual(['12345', '67890', '70001'])
      expect(answer.column('id')).toEqual([undefined, undefined, undefined])
      expect(answer.column('version')).toEqual([undefined, undefined, undefined])
      expect(answer.column('version_number')).toEqual(['1.2.3', '1.3.0', '0.9.0'])
      expect(answer.column('fileLocation')[0]).toBe(`${V}/12345`)
      const inactive = await fixture().call(`${V}?isActive=0`)
      expect(inactive.column('firmware_id')).toEqual(['70000'])
      expect(inactive.column('version_number')).toEqual(['2.0.0'])
    })

    test('row 33: takes the filters of v2', async () => {
      expect((await fixture().call(`${V}?module=can-controller1`)).column('firmware_id')).toEqual(['70001'])
      expect((await fixture().call(`${V}?isActive=maybe`)).status).toBe(400)
    })

    test('row 34: sends the same bytes, and the same 404s', async () => {
      const answer = await fixture().call(`${V}/12345`)
      expect(answer.status).toBe(200)
      expect(answer.body.equals(IMAGE)).toBe(true)
      expect(answer.headers.get('etag')).toBe(ETAG)
      for (const id of ['70000', '90000', 'abc']) {
        const refused = await fixture().call(`${V}/${id}`)
        expect([refused.status, refused.json]).toEqual([404, standard404(id)])
      }
      expect((await fixture().call(`${V}/12345`, { method: 'HEAD' })).headers.get('content-length')).toBe('1000')
    })
  })
})
