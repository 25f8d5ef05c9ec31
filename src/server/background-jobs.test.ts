import { afterEach, expect, it, vi } from 'vitest'
import { fixedClock } from '../../test/support/fixed-clock.ts'
import { createTestCore, newScope, pushFirmware } from '../../test/support/test-core.ts'
import { startJobs } from './background-jobs.ts'
import { createLogger } from './logger.ts'

afterEach(() => vi.useRealTimers())

it('a server ends overdue updates by itself', async () => {
  const clock = fixedClock()
  const core = createTestCore({ clock })
  const scope = await newScope(core)
  const { product } = await core.products.create(scope, { key: 'panel' })
  await pushFirmware(core, scope, 'panel', '2')
  const { serial, key } = await core.devices.create(scope, { key: 'd', product: product.serial })
  await core.assignments.assign(scope, { device: key }, { product: 'panel', version: '2' })
  const facts = await core.gateway.find({ by: 'serial', serial })
  if (facts) await core.gateway.grant(facts, { via: 'native', reporting: 'progress' })
  const state = async () => (await core.deps.storage.read.updates.findLatest(serial))?.state

  expect(await state()).toBe('offered')
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  const lines: string[] = []
  const jobs = startJobs(core, createLogger({ level: 'error', destination: { write: (line) => lines.push(line) } }, []))
  clock.advance({ days: 7 })
  vi.advanceTimersByTime(10_000)
  await jobs.stop()
  expect(await state()).toBe('failed')
  expect(lines).toEqual([])
})
