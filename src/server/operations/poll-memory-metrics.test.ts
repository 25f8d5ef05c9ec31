import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { addPollMemoryMetrics } from './poll-memory-metrics.ts'

it('tells at every look whether polls are answered from memory', async () => {
  const registry = new Registry()
  let isCurrent = true
  addPollMemoryMetrics(registry, { isSoleWriter: false, isCurrent: () => isCurrent })
  expect(await registry.metrics()).toContain('\ngodwit_poll_memory_current 1\n')
  isCurrent = false
  expect(await registry.metrics()).toContain('\ngodwit_poll_memory_current 0\n')
})
