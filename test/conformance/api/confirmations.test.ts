import { beforeEach, describe, expect, it } from 'vitest'
import { expectDone, expectProblem, type Reply, useApi } from './fixture.ts'
import { RolloutFleet } from './rollout-fleet.ts'
import { STORAGES } from './storages.ts'

const NDJSON = { 'content-type': 'application/x-ndjson' }
const lines = (...devices: readonly unknown[]) => devices.map((one) => `${JSON.stringify(one)}\n`).join('')

let made = 0

describe.each(STORAGES)('changes that start updates on $name', (storage) => {
  const api = useApi(storage)
  let fleet: RolloutFleet
  beforeEach(async () => {
    made += 1
    fleet = await RolloutFleet.make(api(), `acme-${made}`)
    await fleet.devices(4, { tags: { site: 'linz' } })
    await fleet.start({ select: { tags: { site: 'graz' } } })
  })
  const operator = () => fleet.tenant.operator
  const site = async (key: string) => expectDone(await operator().get(`/devices/${key}`)).tags.site

  /** It was refused; what the refusal says. */
  function refused(reply: Reply) {
    expectProblem(reply, 409, 'confirmation-needed')
    expect(reply.json.facts.token).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
    return reply.json.facts
  }
  const confirming = (token: string) => `?confirm=${encodeURIComponent(token)}`

  it('ask before a tag of a device is changed', async () => {
    const change = { tags: { site: 'graz' } }
    const reply = await operator().patch('/devices/d0', change)
    const { token, ...facts } = refused(reply)
    const rollout = await fleet.show()
    expect(facts).toEqual({
      words: 'It would start 1 update: rollout spring (1.1.0) takes in 1 device (d0).',
      devices: 1,
      examples: ['d0'],
      rollouts: [{ id: rollout.id, key: 'spring', version: '1.1.0', devices: 1 }],
      expiresInSeconds: 600,
    })
    expect(reply.json.detail).toBe(
      'It would start 1 update: rollout spring (1.1.0) takes in 1 device (d0). Repeat it with the token to confirm.',
    )
    expect(await site('d0')).toBe('linz')
    refused(await operator().patch(`/devices/d1${confirming(token)}`, change))
    refused(await operator().patch(`/devices/d0${confirming(token)}`, { tags: { site: 'graz', more: 'x' } }))
    refused(await operator().patch(`/devices/d0${confirming('nonsense')}`, change))
    expectDone(await operator().patch(`/devices/d0${confirming(token)}`, change))
    expect(await site('d0')).toBe('graz')
    expect(await fleet.why('d0')).toContain('It will be offered 1.1.0 by rollout spring')
    // Once it is in, nothing more starts.
    expectDone(await operator().patch('/devices/d0', { tags: { more: 'x' } }))
  })

  it('do not ask where nothing would start', async () => {
    expectDone(await operator().patch('/devices/d0', { tags: { site: 'wien' }, name: 'Truck' }))
    await fleet.step('pause')
    expectDone(await operator().patch('/devices/d0', { tags: { site: 'graz' } }))
    await fleet.step('resume')
    expectDone(await operator().patch('/devices/d0', { status: 'disabled' }))
    refused(await operator().patch('/devices/d0', { status: 'active' }))
    expectDone(await operator().post('/devices', { key: 'fresh', product: 'panel', tags: { site: 'graz' } }), 201)
  })

  it('never ask a device for what it reports of itself', async () => {
    await fleet.step('stop')
    await fleet.start({ key: 'boards', select: { attributes: { board: 'rev2' } } })
    refused(await operator().patch('/devices/d0', { attributes: { board: 'rev2' } }))
    await api().core.gateway.checkIn(await fleet.facts('d0'), { attributes: { board: 'rev2' } })
    expect(await fleet.why('d0')).toContain('It will be offered 1.1.0 by rollout boards')
  })

  it('ask before devices join a group, leave it, or it is deleted', async () => {
    await fleet.start({ key: 'pilots', select: { groups: ['pilot'] } })
    const add = { add: ['d0', 'd1', 'd2'] }
    const { token } = refused(await operator().post('/groups/pilot/members', add))
    // Another member more is another change.
    refused(await operator().post(`/groups/pilot/members${confirming(token)}`, { add: [...add.add, 'd3'] }))
    expectDone(await operator().post(`/groups/pilot/members${confirming(token)}`, add))
    await fleet.start({ key: 'loners', select: { filter: 'not group exists' }, priority: 9 })
    const out = { remove: ['d0'] }
    const leaving = refused(await operator().post('/groups/pilot/members', out))
    expect(leaving.rollouts).toMatchObject([{ key: 'loners', devices: 1 }])
    const gone = refused(await operator().call('DELETE', '/groups/pilot'))
    expect(gone).toMatchObject({ devices: 3, rollouts: [{ key: 'loners', devices: 3 }] })
    expectDone(await operator().call('DELETE', `/groups/pilot${confirming(gone.token)}`), 204)
  })

  it('ask again when more would start than was shown', async () => {
    const change = { add: ['d0', 'd1'] }
    await fleet.start({ key: 'pilots', select: { filter: 'group = "pilot" and key = "d0"' } })
    const { token, devices } = refused(await operator().post('/groups/pilot/members', change))
    expect(devices).toBe(1)
    await fleet.start({ key: 'more', select: { filter: 'group = "pilot" and key = "d1"' } })
    const again = refused(await operator().post(`/groups/pilot/members${confirming(token)}`, change))
    expect(again.devices).toBe(2)
    expectDone(await operator().post(`/groups/pilot/members${confirming(again.token)}`, change))
  })

  it('ask before an import changes devices that are there', async () => {
    const payload = lines(...['d0', 'd1'].map((key) => ({ key, tags: { site: 'graz' } })), {
      key: 'new',
      product: 'panel',
      tags: { site: 'graz' },
    })
    const send = (query: string, bytes = payload) =>
      operator().call('POST', `/devices/import?onExisting=update${query}`, { payload: bytes, headers: NDJSON })
    const dry = expectDone(await send('&dryRun=true'))
    expect(dry.starts).toMatchObject({ devices: 2, examples: ['d0', 'd1'], rollouts: [{ key: 'spring', devices: 2 }] })
    const { token } = refused(await send(''))
    expect(await site('d0')).toBe('linz')
    expectProblem(await operator().get('/devices/new'), 404, 'not-found')
    refused(await send(`&confirm=${token}`, `${payload}\n`))
    expect(expectDone(await send(`&confirm=${dry.starts.token}`))).toMatchObject({
      created: 1,
      updated: 2,
      starts: null,
    })
    expect(await site('d1')).toBe('graz')
    expect(expectDone(await send(''))).toMatchObject({ updated: 3, failed: 0, starts: null })
  })

  it('leave out chunks of an import that nobody confirmed', async () => {
    const filler = Array.from({ length: 998 }, (_, index) => ({ key: `f${index}`, product: 'panel' }))
    const payload = lines(
      ...filler,
      { key: 'd2' },
      { key: 'd3' },
      { key: 'd0', tags: { site: 'graz' } },
      { key: 'tail' },
    )
    const send = (query = '') =>
      operator().call('POST', `/devices/import?onExisting=update&mode=chunks${query}`, { payload, headers: NDJSON })
    const dry = expectDone(await send('&dryRun=true'))
    const report = expectDone(await send())
    expect(report).toMatchObject({
      created: 998,
      updated: 2,
      failed: 2,
      starts: { devices: 1, examples: ['d0'] },
      errors: [{ line: 1001, code: 'confirmation-needed' }],
    })
    expect(await site('d0')).toBe('linz')
    const { token } = refused(await operator().patch('/devices/d0', { tags: { site: 'graz' } }))
    expect(expectDone(await send(`&confirm=${token}`))).toMatchObject({ failed: 2 })
    expect(expectDone(await send(`&confirm=${dry.starts.token}`))).toMatchObject({
      created: 1,
      failed: 0,
      starts: null,
    })
    expect(await site('d0')).toBe('graz')
  })

  it('ask before a fleet file changes devices that are there, as a whole', async () => {
    const { owner } = fleet.tenant
    const key = fleet.tenant.organisation.key
    const text = `organisations:
  - key: ${key}
    devices:
      - { key: d0, product: panel, tags: { site: graz } }
      - { key: d1, product: panel, tags: { site: graz } }
      - { key: d2, product: panel, tags: { site: wien } }
      - { key: made, product: panel, tags: { site: graz } }
    rollouts:
      - { key: by-file, product: panel, version: 1.2.0, select: { tags: { site: wien } }, state: running, priority: 3 }
`
    const apply = (query = '', of = text) => owner.post(`/apply${query}`, { text: of })
    const dry = expectDone(await apply('?dryRun=true'))
    expect(dry.starts).toMatchObject({ devices: 2, examples: ['d0', 'd1'], rollouts: [{ key: 'spring', devices: 2 }] })
    refused(await apply())
    expectProblem(await operator().get('/devices/made'), 404, 'not-found')
    refused(await apply(`?confirm=${dry.starts.token}`, `${text}\n`))
    expect(expectDone(await apply(`?confirm=${dry.starts.token}`)).changes.length).toBeGreaterThan(3)
    expect(await site('d0')).toBe('graz')
    expect(expectDone(await apply())).toMatchObject({ changes: [], starts: null })
  })
})
