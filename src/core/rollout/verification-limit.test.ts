import { beforeEach, describe, expect, it } from 'vitest'
import { RolloutFleet } from '../../../test/support/rollout-fleet.ts'
import { parseFilter } from '../filter/parse-filter.ts'
import type { RolloutInput } from './rollout-input.ts'
import { namedIds } from './verification-limit.ts'

describe('namedIds', () => {
  it.each([
    ['id = "a"', ['a']],
    ['id in ("a", "b")', ['a', 'b']],
    ['id in ("a", "b") and version != "1"', ['a', 'b']],
    ['tag.x = "y" and (status = "active" and id = "a")', ['a']],
    ['not id = "a"', undefined],
    ['id = "a" or id = "b"', undefined],
    ['key = "a"', undefined],
    ['', undefined],
  ])('%s', (filter, ids) => {
    expect(namedIds(parseFilter(filter))).toEqual(ids)
  })
})

describe('a verification of firmware that two devices may try', () => {
  let fleet: RolloutFleet
  const ids: string[] = []

  beforeEach(async () => {
    fleet = await RolloutFleet.open()
    const { core, scope } = fleet
    ids.length = 0
    for (const key of await fleet.addDevices(3)) ids.push((await fleet.device(key)).id)
    const [module] = await core.products.modules((await core.products.get(scope.organisation, 'panel')).serial)
    await core.deps.storage.transaction(async (stores) => {
      const found = await stores.firmware.findByVersion(scope.organisation, module?.serial ?? 0, '1.1.0')
      const verification = { enabled: true, verified: false, maxDevices: 2, minSucceeded: 2 }
      await stores.firmware.update(found?.serial ?? 0, { verification })
    })
  })

  const verify = (key: string, input: Partial<RolloutInput>) =>
    fleet.start({ key, kind: 'verification', health: { mode: 'off' }, ...input })
  const naming = (...named: readonly (string | undefined)[]) => ({
    selection: {
      filter: { kind: 'one-of' as const, field: 'id' as const, values: named.map(String) },
      reportingOnly: true,
    },
  })

  it('names at most so many, over all of its verifications, and each device once', async () => {
    const refused = { code: 'limit-reached', message: expect.stringContaining('At most 2 devices') }
    await expect(verify('all', naming(...ids))).rejects.toMatchObject(refused)
    await verify('first', naming(ids[0], ids[1]))
    await verify('again', naming(ids[1]))
    await expect(verify('more', naming(ids[2]))).rejects.toMatchObject(refused)
    await expect(verify('count', { stages: [{ count: 1 }] })).rejects.toMatchObject(refused)
  })

  it('has one stage of a count where it names none', async () => {
    const invalid = { code: 'invalid' }
    await expect(verify('all', { stages: [{ percent: 100 }] })).rejects.toMatchObject(invalid)
    await expect(verify('many', { stages: [{ count: 3 }] })).rejects.toMatchObject(invalid)
    await verify('one', { stages: [{ count: 1 }] })
    await fleet.grant('d0')
    await expect(verify('two', { stages: [{ count: 2 }] })).rejects.toMatchObject(invalid)
    expect((await verify('rest', {})).stages).toMatchObject([{ reach: { kind: 'count', count: 1 } }])
  })

  it('keeps room for those that others have yet to take, until these are stopped, and none for them afterwards', async () => {
    const refused = { code: 'limit-reached' }
    await verify('one', { stages: [{ count: 1 }] })
    await expect(verify('two', { stages: [{ count: 2 }] })).rejects.toMatchObject({ code: 'invalid' })
    await expect(verify('names', naming(ids[0], ids[1]))).rejects.toMatchObject(refused)
    await fleet.core.rolloutControl.stop(fleet.scope, 'one')
    await verify('names', naming(ids[0], ids[1]))
    await expect(fleet.core.rolloutControl.resume(fleet.scope, 'one')).rejects.toMatchObject(refused)
    await fleet.core.rolloutControl.finish(fleet.scope, 'names')
    await fleet.core.rollouts.delete(fleet.scope, 'names')
    expect(await fleet.core.rolloutControl.resume(fleet.scope, 'one')).toMatchObject({ state: 'running' })
  })

  it('does not take more by a change of its stages', async () => {
    const draft = { kind: 'verification', health: { mode: 'off' } } as const
    await fleet.create({ key: 'draft', ...draft, stages: [{ count: 1 }] })
    await fleet.create({ key: 'other', ...draft, stages: [{ count: 1 }] })
    const change = (count: number) => fleet.core.rollouts.update(fleet.scope, 'draft', { stages: [{ count }] })
    await expect(change(2)).rejects.toMatchObject({ code: 'invalid' })
    await fleet.core.rollouts.delete(fleet.scope, 'other')
    expect((await change(2)).stages).toMatchObject([{ reach: { kind: 'count', count: 2 } }])
  })
})
