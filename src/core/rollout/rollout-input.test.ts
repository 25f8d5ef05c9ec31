import { expect, it } from 'vitest'
import { RolloutFleet } from '../../../test/support/rollout-fleet.ts'

it('a list that is too long is refused before anything in it is looked up', async () => {
  const fleet = await RolloutFleet.open()
  const keys = Array.from({ length: 1_001 }, (_, index) => `nobody-${index}`)
  await expect(fleet.create({ select: { devices: keys } })).rejects.toMatchObject({
    code: 'invalid',
    details: { field: 'select.devices', reason: 'at most 1000 values' },
  })
  await expect(fleet.create({ stages: [{ groups: keys }] })).rejects.toMatchObject({
    code: 'invalid',
    details: { field: 'stages[0].groups' },
  })
  await expect(fleet.create({ select: { devices: ['nobody'] } })).rejects.toMatchObject({ code: 'not-found' })
})
