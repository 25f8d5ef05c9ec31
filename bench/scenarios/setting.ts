import { fileURLToPath } from 'node:url'
import type { SeededFleet } from '../support/seed.ts'
import type { MeasuredServer } from '../support/server-process.ts'

/** What every scenario gets. */
export interface Setting {
  readonly fleet: SeededFleet
  readonly server: MeasuredServer
  readonly rounds: number
  /** Seconds of load a round. */
  readonly seconds: number
}

export const baseline = (name: string): string => fileURLToPath(new URL(`../baselines/${name}`, import.meta.url))
