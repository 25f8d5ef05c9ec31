import { expect, it } from 'vitest'
import { RolloutFleet } from '../../../test/support/rollout-fleet.ts'

it('records a board that fetches again before its first time is written once', async () => {
  const fleet = await RolloutFleet.open()
  const [key = ''] = await fleet.addDevices(1)
  const { gateway, deps } = fleet.core
  const { organisation } = fleet.scope
  const filter = { organisation, scope: 'library', withdrawn: false } as const
  const [file, other] = await deps.storage.read.firmware.listFiles(filter, { limit: 2 })
  if (!file || !other) throw new Error('the fleet has no firmware')
  const facts = await fleet.facts(key)
  await Promise.all([gateway.noteSameImage(facts, file), gateway.noteSameImage(facts, file)])
  await gateway.noteSameImage(facts, file)
  await gateway.noteSameImage(facts, other)
  const events = await deps.storage.read.events.list({ organisation }, { limit: 1_000 })
  const versions = events
    .filter(({ type }) => type === 'device.version-mismatch')
    .map(({ details }) => details['version'])
  expect(versions.toSorted()).toEqual([file.firmware.version, other.firmware.version].toSorted())
})
