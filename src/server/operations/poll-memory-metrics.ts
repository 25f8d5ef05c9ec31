import { Gauge, type Registry } from 'prom-client'
import type { Invalidation } from '../../core/ports.ts'

/** Whether polls are answered from memory at this moment; of several processes the one that is worst off. */
export function addPollMemoryMetrics(registry: Registry, invalidation: Invalidation): void {
  new Gauge({
    name: 'godwit_poll_memory_current',
    help: '1 while unchanged polls are answered from memory, 0 while every poll reads the database',
    registers: [registry],
    aggregator: 'min',
    collect() {
      this.set(invalidation.isCurrent() ? 1 : 0)
    },
  })
}
