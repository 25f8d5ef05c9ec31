import { describe, expect, test, vi } from 'vitest'
import { IMAGE_SHA256, L, onEveryStorage } from './fixture.ts'

const FILE = `${L}/12345/file`

onEveryStorage((useFixture) => {
  describe('the update behind a download', () => {
    const fixture = useFixture()
    const state = async () => (await fixture().latestUpdate(501))?.state

    test('is not opened by looking: list, HEAD, 304, 416 and 404', async () => {
      await fixture().call(L)
      await fixture().call(FILE, { method: 'HEAD' })
      await fixture().call(FILE, { headers: { 'If-None-Match': `"sha256-${IMAGE_SHA256}"` } })
      await fixture().call(FILE, { headers: { Range: 'bytes=1000-' } })
      await fixture().call(`${L}/70000/file`)
      expect(await fixture().latestUpdate(501)).toBeUndefined()
    })

    test('is under way after a first part and delivered with the last byte', async () => {
      await fixture().call(FILE, { headers: { Range: 'bytes=0-499' } })
      expect(await fixture().latestUpdate(501)).toMatchObject({ state: 'downloading', via: 'spoke-zone' })
      await fixture().call(FILE, { headers: { Range: 'bytes=500-' } })
      await vi.waitFor(async () => expect(await state()).toBe('delivered'))
      const update = await fixture().latestUpdate(501)
      expect(update?.steps).toMatchObject([{ firmware: 12345, to: '1.2.3' }])
    })

    test('gives way to the one of another file', async () => {
      await fixture().call(FILE, { headers: { Range: 'bytes=0-1' } })
      const first = await fixture().latestUpdate(501)
      await fixture().call(`${L}/67890/file`, { headers: { Range: 'bytes=0-1' } })
      const second = await fixture().latestUpdate(501)
      expect(second?.steps).toMatchObject([{ firmware: 67890 }])
      const updates = fixture().server.core.deps.storage.read.updates
      expect(await updates.find(first?.serial ?? 0)).toMatchObject({ state: 'superseded' })
    })

    test('of a user does not exist', async () => {
      const token = await fixture().userToken()
      const before = await fixture().latestUpdate(501)
      expect((await fixture().call(FILE, { token })).status).toBe(200)
      expect(await fixture().latestUpdate(501)).toEqual(before)
      expect(await fixture().latestUpdate(502)).toBeUndefined()
    })

    test('never opens when the bytes are gone, which is a fault of the server', async () => {
      const token = await fixture().tokenOf(502)
      await fixture().server.core.deps.blobs.delete(IMAGE_SHA256)
      const answer = await fixture().call(FILE, { token })
      expect(answer.status).toBe(500)
      expect(answer.json).toMatchObject({ errors: [{ type: 'internal-error', details: {} }] })
      expect(await fixture().latestUpdate(502)).toBeUndefined()
    })
  })

  describe('downloads of one device at the same time', () => {
    const fixture = useFixture()

    test('all succeed', async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => fixture().call(FILE)))
      expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 8 }, () => 200))
      await vi.waitFor(async () => expect((await fixture().latestUpdate(501))?.state).toBe('delivered'))
    })
  })
})
