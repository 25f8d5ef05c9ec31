import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { RolloutFleet } from '../../../test/support/rollout-fleet.ts'
import { addRolloutMetrics } from './rollout-metrics.ts'

it('shows rollouts by state, and what became of the devices of those that are not over', async () => {
  const fleet = await RolloutFleet.open()
  await fleet.addDevices(3)
  await fleet.start()
  await fleet.grant('d0')
  await fleet.grant('d1')
  await fleet.install('d1', '1.1.0')
  const registry = new Registry()
  addRolloutMetrics(registry, fleet.core.deps.storage.management)

  const lines = (await registry.metrics()).split('\n')
  expect(lines).toContain('godwit_rollouts{state="running"} 1')
  expect(lines).toContain('godwit_rollouts{state="stopped"} 0')
  const labels = `organisation="acme",rollout="spring"`
  expect(lines).toContain(`godwit_rollout_devices{${labels},outcome="open"} 1`)
  expect(lines).toContain(`godwit_rollout_devices{${labels},outcome="succeeded"} 1`)

  await fleet.core.rolloutControl.stop(fleet.scope, 'spring', {})
  const after = await registry.metrics()
  expect(after).toContain('godwit_rollouts{state="stopped"} 1')
  expect(after).not.toContain('godwit_rollout_devices{')
})
