import { describe, expect, test } from 'vitest'
import { onEveryStorage } from './fixture.ts'

const OLD = { main: '1.0.0', modem: '7.0' }

onEveryStorage((useFixture) => {
  describe('a device that has started anew', () => {
    const fixture = useFixture()
    let update = ''

    test('and was not installing goes on where it was', async () => {
      await fixture().assignBoth()
      update = (await fixture().offered({ running: OLD, boot: true })).id
      for (const state of ['downloading', 'downloaded']) {
        await fixture().report({ update, state })
        expect((await fixture().offered({ running: OLD, boot: true })).id).toBe(update)
        expect((await fixture().latest())?.state).toBe(state)
      }
    })

    test('is not taken for one that only checks while it installs', async () => {
      await fixture().report({ update, state: 'installing', progress: 80 })
      for (const body of [{ running: OLD }, { running: OLD, boot: false }, { boot: true }])
        expect((await fixture().offered(body)).id).toBe(update)
      expect(await fixture().latest()).toMatchObject({ state: 'installing', progress: 80 })
    })

    test('is at work as long as one of its modules runs its target', async () => {
      const half = { ...OLD, main: '2.0.0' }
      expect((await fixture().offered({ running: half, boot: true })).modules).toMatchObject([{ module: 'modem' }])
      expect(await fixture().latest()).toMatchObject({ state: 'installing' })
    })

    test('with all of its old versions has gone back', async () => {
      const { json } = await fixture().check({ running: OLD, boot: true })
      expect(json).toMatchObject({ action: 'none', because: 'retry-later' })
      const reason = 'it runs 1.0.0, 7.0 again after its restart'
      expect(await fixture().latest()).toMatchObject({ id: update, state: 'rolled-back', progress: 80, reason })
      expect(await fixture().report({ update, state: 'rolled-back', reason: 'late' })).toMatchObject([
        { result: 'ignored', why: 'closed', state: 'rolled-back' },
      ])
    })

    test('says so with true or false', async () => {
      const { status, json } = await fixture().check({ boot: 'yes' })
      expect([status, json.code, json.errors[0].pointer]).toEqual([400, 'invalid', '/boot'])
    })
  })

  describe('an update of which nothing is heard', () => {
    const fixture = useFixture()
    const pass = async (hours: number) => {
      fixture().clock.advance(hours * 3_600_000)
      await fixture().server.core.updates.expire()
    }

    test('fails; what is reported late is ignored, and what runs is believed', async () => {
      await fixture().assign('1.1.0')
      const { id: update } = await fixture().offered({ running: OLD })
      await fixture().report({ update, state: 'installing', progress: 30 })
      await pass(1.9)
      await fixture().report({ update, state: 'installing', progress: 60.7 })
      await pass(1.9)
      expect(await fixture().latest()).toMatchObject({ state: 'installing', progress: 60 })
      await pass(0.1)
      const failed = { state: 'failed', progress: 60, reason: 'no news while installing for 2 h' }
      expect(await fixture().latest()).toMatchObject(failed)
      const late = { update, state: 'succeeded', running: { main: '1.1.0' } }
      expect(await fixture().report(late)).toMatchObject([{ result: 'ignored', why: 'closed', state: 'failed' }])
      expect(await fixture().latest()).toMatchObject(failed)
      expect((await fixture().check()).json).toMatchObject({ action: 'none', because: 'up-to-date' })
    })

    test('is over for a device that never confirmed its cancellation', async () => {
      await fixture().assign('1.2.0')
      const { id: update } = await fixture().offered()
      await fixture().report({ update, state: 'downloading' })
      await fixture().server.core.updates.cancel(fixture().scope, update)
      expect((await fixture().check()).json).toMatchObject({ action: 'cancel', because: 'cancelled' })
      await pass(24)
      expect((await fixture().check()).json).toMatchObject({ action: 'none', because: 'called-off' })
      expect((await fixture().latest())?.state).toBe('cancelled')
    })
  })

  describe('a device that falls back after its success', () => {
    const fixture = useFixture()

    test('raises one event, and its update stays as it ended', async () => {
      await fixture().assign('1.1.0')
      const { id } = await fixture().offered({ running: { main: '1.0.0' } })
      await fixture().check({ running: { main: '1.1.0' } })
      fixture().clock.advance(5000)
      for (const main of ['1.0.0', '1.0.0']) await fixture().check({ running: { main } })
      const { storage } = fixture().server.core.deps
      const rows = await storage.read.events.list({ type: 'update.fell-back' }, { limit: 9 })
      expect(rows).toMatchObject([{ subject: { id }, details: { from: ['1.0.0'], to: ['1.1.0'], seconds: 5 } }])
      expect(await storage.read.updates.findById(fixture().scope.organisation, id)).toMatchObject({
        state: 'succeeded',
      })
    })
  })
})
