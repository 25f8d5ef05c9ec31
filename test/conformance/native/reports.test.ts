import { describe, expect, test } from 'vitest'
import { CHECK, IMAGE, onEveryStorage, REPORTS, tokenOf } from './fixture.ts'

onEveryStorage((useFixture) => {
  describe('reports', () => {
    const fixture = useFixture()
    let update = ''

    test('move the update, one after the other, in one request', async () => {
      await fixture().assign('1.1.0')
      update = (await fixture().offered({ running: { main: '1.0.0' } })).id
      const results = await fixture().report(
        { id: 'a', update, state: 'downloading', progress: 10 },
        { id: 'b', update, state: 'downloading', progress: 60 },
        { id: 'c', update, state: 'downloaded' },
        { id: 'd', update, state: 'installing', progress: 5, reason: 'erasing' },
      )
      expect(results).toEqual([
        { id: 'a', result: 'accepted', state: 'downloading' },
        { id: 'b', result: 'accepted', state: 'downloading' },
        { id: 'c', result: 'accepted', state: 'downloaded' },
        { id: 'd', result: 'accepted', state: 'installing' },
      ])
      expect(await fixture().latest()).toMatchObject({ state: 'installing', progress: 5, reason: 'erasing' })
    })

    test('count once, whatever they say the second time', async () => {
      expect(await fixture().report({ id: 'a', update, state: 'failed' })).toEqual([{ id: 'a', result: 'duplicate' }])
      const twice = { id: 'e', update, state: 'installing', progress: 50 }
      expect(await fixture().report(twice, twice)).toEqual([
        { id: 'e', result: 'accepted', state: 'installing' },
        { id: 'e', result: 'duplicate' },
      ])
    })

    test('that come late, or go back, are ignored and say so', async () => {
      const [back, less] = [
        { id: 'f', update, state: 'downloading', progress: 99 },
        { id: 'g', update, state: 'installing', progress: 20 },
      ]
      expect(await fixture().report(back, less)).toEqual([
        { id: 'f', result: 'ignored', state: 'installing', why: 'late' },
        { id: 'g', result: 'ignored', state: 'installing', why: 'late' },
      ])
    })

    test('of another update, or of no such update, are ignored', async () => {
      const foreign = await fixture().latest('truck-2')
      expect(foreign).toBeUndefined()
      for (const id of ['0'.repeat(24), 'x', ''])
        expect(await fixture().report({ id: `n-${id}`, update: id, state: 'failed' })).toMatchObject([
          { result: 'ignored', why: 'no-such-update' },
        ])
      await fixture().assign('1.1.0', 'truck-2')
      const other = await fixture().offered({}, { token: tokenOf('truck-2') })
      expect(await fixture().report({ update: other.id, state: 'failed' })).toMatchObject([{ why: 'no-such-update' }])
      expect((await fixture().latest('truck-2'))?.state).toBe('offered')
    })

    test('of success are believed when that version runs, and not before', async () => {
      expect(await fixture().report({ id: 's1', update, state: 'succeeded' })).toEqual([
        { id: 's1', result: 'accepted', state: 'installing', why: 'not-running' },
      ])
      const wrong = { id: 's2', update, state: 'succeeded', running: { main: '1.0.0' } }
      expect(await fixture().report(wrong)).toEqual([
        { id: 's2', result: 'accepted', state: 'installing', why: 'not-running' },
      ])
      const right = { id: 's3', update, state: 'succeeded', running: { main: '1.1.0' }, at: 1_767_600_000 }
      expect(await fixture().report(right)).toEqual([{ id: 's3', result: 'accepted', state: 'succeeded' }])
      expect(await fixture().latest()).toMatchObject({ state: 'succeeded', progress: 100 })
      expect(await fixture().report({ id: 's4', update, state: 'failed' })).toEqual([
        { id: 's4', result: 'ignored', state: 'succeeded', why: 'closed' },
      ])
    })

    test('of failure and of going back end it with the reason', async () => {
      await fixture().assign('1.2.0')
      const failed = await fixture().offered()
      const reason = `line 1\nline 2 ${'x'.repeat(900)}`
      expect(await fixture().report({ update: failed.id, state: 'failed', reason })).toMatchObject([
        { state: 'failed' },
      ])
      const stored = (await fixture().latest())?.reason ?? ''
      expect([stored.length, stored.slice(0, 13)]).toEqual([500, 'line 1 line 2'])
      fixture().clock.advance(60_000)
      const { id } = await fixture().offered()
      expect(await fixture().report({ update: id, state: 'rolled-back', reason: 'no network' })).toMatchObject([
        { state: 'rolled-back' },
      ])
      expect(await fixture().latest()).toMatchObject({ reason: 'no network', attempt: 2 })
    })

    test('of a cancellation that nobody asked for are ignored', async () => {
      fixture().clock.advance(600_000)
      const { id } = await fixture().offered()
      expect(await fixture().report({ update: id, state: 'cancelled' })).toMatchObject([
        { result: 'ignored', state: 'offered', why: 'late' },
      ])
    })

    test('that cannot be read are ignored one by one, so that none holds up the others', async () => {
      const update = (await fixture().latest())?.id
      const body = {
        reports: [
          17,
          { id: 'bad id', update, state: 'failed' },
          { id: 'ok-1', update, state: 'downloading' },
          { id: 'h', update, state: 'exploded' },
          { id: 'i', update, state: 'downloading', progress: 101 },
        ],
      }
      const { status, json } = await fixture().call(REPORTS, { body })
      expect(status).toBe(200)
      expect(json.results).toEqual([
        { id: null, result: 'ignored', why: 'invalid', detail: expect.any(String) },
        { id: 'bad id', result: 'ignored', why: 'invalid', detail: expect.stringContaining('/id') },
        { id: 'ok-1', result: 'accepted', state: 'downloading' },
        { id: 'h', result: 'ignored', why: 'invalid', detail: expect.stringContaining('/state') },
        { id: 'i', result: 'ignored', why: 'invalid', detail: expect.stringContaining('/progress') },
      ])
    })

    test('are answered after their commit: sixteen at once are one change', async () => {
      const update = (await fixture().latest())?.id
      const body = { reports: [{ id: 'race', update, state: 'installing', progress: 33 }] }
      const answers = await Promise.all(Array.from({ length: 16 }, () => fixture().call(REPORTS, { body })))
      const results = answers.map(({ json }) => json.results[0].result)
      expect(results.filter((result) => result === 'accepted')).toHaveLength(1)
      expect(results.filter((result) => result === 'duplicate')).toHaveLength(15)
    })

    test('leave a trail of events with what the device\u2019s clock said', async () => {
      const { events } = fixture().server.core.deps.storage.read
      const rows = await events.list({ type: 'update.installing' }, { limit: 50 })
      expect(rows.length).toBeGreaterThan(0)
      expect(rows[0]).toMatchObject({ actor: { kind: 'device', name: 'truck-1' } })
    })
  })

  describe('a batch', () => {
    const fixture = useFixture({ config: { reportsPerBatch: 3, bodyBytes: 2048 } })

    test('is refused whole when it is none, too long or too large', async () => {
      const errors = async (body: unknown) => {
        const { status, json } = await fixture().call(REPORTS, { body })
        return [status, json.code, json.errors?.[0]?.pointer]
      }
      expect(await errors({})).toEqual([400, 'invalid', '/reports'])
      expect(await errors({ reports: [] })).toEqual([400, 'invalid', '/reports'])
      expect(await errors({ reports: [1, 2, 3, 4] })).toEqual([400, 'invalid', '/reports'])
      expect(await errors('[]')).toEqual([400, 'invalid', ''])
      expect((await errors({ reports: ['x'.repeat(3000)] })).slice(0, 2)).toEqual([413, 'too-large'])
      expect((await errors(`{"reports":`)).slice(0, 2)).toEqual([400, 'invalid'])
      expect((await fixture().call(CHECK, { body: IMAGE.toString('latin1') })).status).toBe(400)
    })
  })
})
