import { describe, expect, test } from 'vitest'
import { ENROL, onEveryStorage } from './fixture.ts'

const TOKEN = 'a-token-that-the-device-made-itself-000000'

onEveryStorage((useFixture) => {
  describe('an enrolment', () => {
    const fixture = useFixture({ config: { enrolmentsPerMinute: 20 } })
    const KEY = { key: 'factory', secret: 'factory-secret' }
    const enrol = (body: object) => fixture().call(ENROL, { token: null, body: { ...KEY, ...body } })

    test('makes the device, which then has its token', async () => {
      await fixture().server.core.accessKeys.create(fixture().scope, { ...KEY, permissions: ['enrol'] })
      const first = await enrol({ device: 'new-1', product: 'tracker', token: TOKEN })
      expect([first.status, first.json]).toEqual([
        201,
        { device: { id: expect.stringMatching(/^[0-9a-f]{24}$/), key: 'new-1' }, created: true },
      ])
      expect((await fixture().check({ running: { main: '1.0.0' } }, { token: TOKEN })).status).toBe(200)
      expect((await fixture().factsOf('new-1')).product?.key).toBe('tracker')
    })

    test('may be repeated when its answer was lost', async () => {
      const again = await enrol({ device: 'new-1', product: 'tracker', token: TOKEN })
      expect([again.status, again.json.created]).toEqual([200, false])
    })

    test('gives a first credential to a device that an operator made, and takes none over', async () => {
      const { core } = fixture().server
      await core.devices.create(fixture().scope, { key: 'awaited' })
      expect((await enrol({ device: 'awaited', token: `${TOKEN}-2` })).json.created).toBe(true)
      for (const device of ['awaited', 'truck-1', 'new-1'])
        expect((await enrol({ device, token: `${TOKEN}-3` })).json).toMatchObject({ code: 'conflict', status: 409 })
      expect((await enrol({ device: 'new-2', token: TOKEN })).json).toMatchObject({ code: 'conflict' })
    })

    test('needs a good key that may do it', async () => {
      const { core } = fixture().server
      for (const key of [{ secret: 'wrong' }, { key: 'nobody' }])
        expect((await enrol({ ...key, device: 'x', token: TOKEN })).json).toMatchObject({ code: 'unauthenticated' })
      await core.accessKeys.create(fixture().scope, { key: 'reader', secret: 's', permissions: ['read'] })
      const reader = await enrol({ key: 'reader', secret: 's', device: 'x', token: TOKEN })
      expect(reader.json).toMatchObject({ code: 'forbidden', status: 403 })
      expect((await enrol({ device: 'x', product: 'nothing', token: `${TOKEN}-4` })).status).toBe(404)
      const { json } = await enrol({ device: 'a b', token: 'short' })
      expect(json.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(['/device', '/token'])
    })

    test('is limited by address', async () => {
      const statuses = []
      for (let index = 0; index < 12; index++)
        statuses.push((await enrol({ key: 'x', device: 'x', token: TOKEN })).status)
      expect(statuses.at(-1)).toBe(429)
      expect(fixture().server.log()).not.toContain(TOKEN)
      expect(fixture().server.log()).not.toContain(KEY.secret)
    })
  })
})
