import { describe, expect, test } from 'vitest'
import { IMAGE, L, onEveryStorage, V } from './fixture.ts'

onEveryStorage((useFixture) => {
  describe('an organisation with numeric ids', () => {
    const fixture = useFixture()

    test('row 14: has numbers for ids and the same paths; other ids are numbers in both modes', async () => {
      const before = await fixture().call(L)
      expect(before.column('modelId')).toEqual([7, 7, 7, 7])
      expect(before.column('moduleId')).toEqual([11, 11, 11, 12])

      const settings = { 'spoke-zone/numeric-ids': true }
      await fixture().server.core.organisations.update(fixture().scope, { settings })
      const answer = await fixture().call(L)
      expect(answer.status).toBe(200)
      expect(answer.column('id')).toEqual([12345, 67890, 70000, 70001])
      expect(answer.column('modelId')).toEqual([7, 7, 7, 7])
      expect(answer.column('moduleId')).toEqual([11, 11, 11, 12])
      expect((await fixture().call(`${L}/12345`)).json).toMatchObject({ id: 12345 })
      expect((await fixture().call(V)).column('firmware_id')).toEqual([12345, 67890, 70001])

      const file = await fixture().call(`${L}/12345/file`)
      expect(file.status).toBe(200)
      expect(file.body.equals(IMAGE)).toBe(true)
    })
  })

  describe('a device without a product', () => {
    const fixture = useFixture()

    test('row 15: sees an empty list', async () => {
      await fixture().addDevice(600, { key: 'bare', product: null })
      const token = await fixture().tokenOf(600)
      const answer = await fixture().call(L, { token })
      expect(answer.status).toBe(200)
      expect(answer.json).toEqual([])
      expect(answer.headers.get('x-total-count')).toBe('0')
    })
  })

  describe('a managed product', () => {
    const fixture = useFixture()

    test('lists only what is granted to the device, active whatever its flag, until it is withdrawn', async () => {
      const { core } = fixture().server
      await core.products.update(fixture().scope, 'display-7', { distribution: 'managed' })
      expect((await fixture().call(L)).json).toEqual([])
      expect((await fixture().call(`${L}/12345/file`)).status).toBe(404)

      const facts = await fixture().factsOf(501)
      const firmware = await fixture().firmwareId(70000)
      await core.assignments.assign(fixture().scope, { device: facts.device.key }, { firmware })
      const granted = await fixture().call(`${L}?isActive=1`)
      expect(granted.column('id')).toEqual(['70000'])
      expect((await fixture().call(`${L}/70000/file`)).status).toBe(200)
      expect((await fixture().call(L, { token: await fixture().tokenOf(502) })).json).toEqual([])

      await core.firmware.update(fixture().scope, firmware, { withdrawn: true })
      expect((await fixture().call(L)).json).toEqual([])
      expect((await fixture().call(`${L}/70000/file`)).status).toBe(404)
    })
  })
})
