import { expect, it } from 'vitest'
import { fixedClock } from '../../../test/support/fixed-clock.ts'
import { newRollout } from '../../../test/support/rollout-rows.ts'
import { newAssignment, newDevice, newRelease } from '../../../test/support/rows.ts'
import { createTestCore, newScope, pushFirmware } from '../../../test/support/test-core.ts'

it('a firmware says what holds it: assignments and rollouts, by number', async () => {
  const core = createTestCore({ clock: fixedClock() })
  const scope = await newScope(core)
  await core.products.create(scope, { key: 'panel' })
  const { firmware } = await pushFirmware(core, scope, 'panel', '1.0.0')
  const { storage } = core.deps
  const release = await storage.transaction((stores) => stores.releases.insert(newRelease(firmware)))
  const refusal = () => core.firmware.delete(scope, firmware.id).catch((error: Error) => error.message)
  await storage.transaction((stores) => stores.rollouts.insert(newRollout(release)))
  expect(await refusal()).toContain('1.0.0 is still held by 1 rollout(s). Withdraw it')
  await storage.transaction(async (stores) => {
    await stores.rollouts.insert(newRollout(release))
    const device = await stores.devices.insert(newDevice(scope.organisation))
    await stores.assignments.put(newAssignment(device, release))
  })
  expect(await refusal()).toContain('1.0.0 is still held by 1 assignment(s) and 2 rollout(s). Withdraw it')
})
