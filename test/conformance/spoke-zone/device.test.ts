import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { fieldError, onEveryStorage, standard404 } from './fixture.ts'

onEveryStorage((useFixture) => {
  describe('a device reads about itself', () => {
    const fixture = useFixture()

    test('row 41: without null where the SDK fails on it, and about no other', async () => {
      const answer = await fixture().call('/api/v2/devices/501')
      expect(answer.status).toBe(200)
      expect(answer.json).toEqual({
        id: 501,
        identifier: 'truck-17',
        serialNumber: '',
        modelId: 7,
        name: 'Display 7',
        lastOnline: null,
        lastLatitude: null,
        lastLongitude: null,
        softwareVersions: {},
      })
      const other = await fixture().call('/api/v2/devices/502')
      expect([other.status, other.json]).toEqual([404, standard404('502', 'device')])
      expect((await fixture().call('/api/v2/devices/abc')).json).toEqual(standard404('abc', 'device'))
    })

    test('with what is known of it', async () => {
      const { core } = fixture().server
      const facts = await fixture().factsOf(501)
      await core.gateway.checkIn(facts, {
        running: { 'display-app': '1.2.3' },
        attributes: { serialNumber: 'SN-8', lastLatitude: '47.07', lastLongitude: 'unknown' },
      })
      await core.lastSeen.flush()
      const answer = await fixture().call('/api/v2/devices/501')
      expect(answer.json).toMatchObject({
        serialNumber: 'SN-8',
        lastOnline: new Date(fixture().clock.now()).toISOString(),
        lastLatitude: 47.07,
        lastLongitude: null,
        softwareVersions: { 'display-app': '1.2.3' },
      })
    })

    test('row 41: without a product too', async () => {
      await fixture().addDevice(600, { key: 'bare', product: null })
      const answer = await fixture().call('/api/v2/devices/600', { token: await fixture().tokenOf(600) })
      expect(answer.json).toMatchObject({ id: 600, modelId: 0, name: '', serialNumber: '' })
    })

    test('a user reads any device of the organisation', async () => {
      const token = await fixture().userToken()
      expect((await fixture().call('/api/v2/devices/502', { token })).json).toMatchObject({ id: 502 })
      expect((await fixture().call('/api/v2/devices/999', { token })).json).toEqual(standard404('999', 'device'))
    })
  })

  describe('data files', () => {
    const fixture = useFixture({ limits: { dataFileBytes: 100, dataFilesPerDevice: 20 } })
    const announce = (body: unknown, token = fixture().token) => fixture().post('/api/v2/data-files', body, token)
    const announced = async (token?: string) => {
      const answer = await announce({ type: 'log' }, token)
      return (answer.json as { id: number }).id
    }
    const stored = (id: number) => fixture().server.core.deps.storage.read.dataFiles.find(id)

    test('row 42: are announced by type', async () => {
      const answer = await announce({ type: 'log' })
      expect(answer.status).toBe(200)
      expect(answer.json).toEqual({ id: expect.any(Number) })
      const wrong = await announce({ type: 'exe' })
      expect([wrong.status, wrong.json]).toEqual([400, fieldError('invalid-field', 'type')])
      const missing = await announce({})
      expect([missing.status, missing.json]).toEqual([400, fieldError('required-field', 'type')])
    })

    test('row 42: belong to a module of the product, under either name', async () => {
      for (const field of ['module', 'moduleKey']) {
        const good = await announce({ type: 'gps', [field]: 'can-controller1' })
        expect(await stored((good.json as { id: number }).id)).toMatchObject({ type: 'gps', module: 12 })
        const bad = await announce({ type: 'gps', [field]: 'nope' })
        expect([bad.status, bad.json]).toEqual([400, fieldError('invalid-field', field)])
        expect((await announce({ type: 'gps', [field]: 7 })).status).toBe(400)
      }
    })

    test('row 43: must not be empty or absent', async () => {
      const path = `/api/v2/data-files/${await announced()}/file`
      const empty = await fixture().upload(path, { name: 'files', bytes: Buffer.alloc(0) })
      expect([empty.status, empty.json]).toEqual([
        400,
        { errors: [{ type: 'invalid-field', message: 'File is empty', details: { field: 'files' } }] },
      ])
      for (const form of [{ name: 'other', bytes: Buffer.from('x') }, undefined]) {
        const answer = await fixture().upload(path, form)
        expect([answer.status, answer.json]).toEqual([400, fieldError('required-field', 'files')])
      }
    })

    test('are stored, and replaced by a repeated upload', async () => {
      const id = await announced()
      for (const size of [100, 7]) {
        const answer = await fixture().upload(`/api/v2/data-files/${id}/file`, {
          name: 'files',
          bytes: randomBytes(size),
        })
        expect(answer.status).toBe(200)
        expect(answer.json).toEqual({ path: expect.any(String) })
        expect(await stored(id)).toMatchObject({ size, sha256: expect.any(String) })
      }
    })

    test('have a largest size, and nothing half-stored', async () => {
      const id = await announced()
      const answer = await fixture().upload(`/api/v2/data-files/${id}/file`, { name: 'files', bytes: randomBytes(101) })
      expect(answer.status).toBe(413)
      expect(answer.json).toMatchObject({ errors: [{ type: 'limit-exceeded' }] })
      expect(await stored(id)).toMatchObject({ size: 0, sha256: null })
    })

    test('of another device do not exist', async () => {
      const foreign = await announced(await fixture().tokenOf(502))
      for (const id of [String(foreign), '999999', 'abc']) {
        const part = { name: 'files', bytes: Buffer.from('x') }
        const answer = await fixture().upload(`/api/v2/data-files/${id}/file`, part)
        expect([answer.status, answer.json]).toEqual([404, standard404(id, 'data-file')])
      }
    })

    test('are no business of users', async () => {
      const answer = await announce({ type: 'log' }, await fixture().userToken())
      expect(answer.status).toBe(403)
      expect(answer.json).toMatchObject({ errors: [{ type: 'not-authorized' }] })
    })

    test('take JSON and forms, each where it belongs', async () => {
      const id = await announced()
      const json = await fixture().post(`/api/v2/data-files/${id}/file`, { files: 'x' }, fixture().token)
      expect(json.status).toBe(400)
      const form = await fixture().upload('/api/v2/data-files', { name: 'type', bytes: Buffer.from('log') })
      expect(form.status).toBe(400)
    })

    test('have a largest number per device', async () => {
      await fixture().addDevice(603, { key: 'chatty', product: 7 })
      const token = await fixture().tokenOf(603)
      for (let file = 0; file < 20; file += 1) expect((await announce({ type: 'log' }, token)).status).toBe(200)
      const refused = await announce({ type: 'log' }, token)
      expect(refused.status).toBe(429)
      expect(refused.json).toMatchObject({ errors: [{ type: 'limit-exceeded' }] })
    })
  })
})
