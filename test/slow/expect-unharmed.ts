import { expect } from 'vitest'
import { DEFAULT_HTTP_LIMITS } from '../../src/protocols/http/limits.ts'
import type { SlowFigures } from './slow-connections.ts'

/** Heads are looked at once a second, and machines that test are busy. */
const SLACK_MS = 5_000
/** What a poll may take beside as many slow connections as there are, beyond three times what it took before. */
const POLL_SLACK_MS = 50
const KIB_PER_CONNECTION = 24

/** Devices were served as before, memory is bounded, and the slow ones were ended by the limit that is named for it. */
export function expectUnharmed(figures: SlowFigures, connections: number): void {
  const { before, among, lasted, told, grownMB, refusedCalls } = figures
  const said = JSON.stringify(figures)
  expect(refusedCalls, said).toBe(0)
  expect(told, said).toBe(connections)
  expect(lasted.shortest, said).toBeGreaterThan(DEFAULT_HTTP_LIMITS.headerTimeoutMs - 1_000)
  expect(lasted.longest, said).toBeLessThan(DEFAULT_HTTP_LIMITS.headerTimeoutMs + SLACK_MS)
  expect(among.p50, said).toBeLessThan(3 * before.p50 + POLL_SLACK_MS)
  expect(grownMB, said).toBeLessThan(30 + (connections * KIB_PER_CONNECTION) / 1024)
}
