import { expect, it } from 'vitest'
import { rolloutCrashRun } from '../crash/rollout-crash-run.ts'

it('kill -9 at 3 moments of a rollout of 300 devices: nothing acknowledged is lost, nobody is granted twice', async () => {
  const figures = await rolloutCrashRun({ devices: 300, kills: 3, atOnce: 32 })
  expect(figures.acknowledged).toBeGreaterThan(300)
})
