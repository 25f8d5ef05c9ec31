import type { Config } from '../config/settings.ts'

export type Verdict = 'ok' | 'warn' | 'fail'

/** One thing that was looked at. */
export interface Finding {
  readonly check: string
  readonly verdict: Verdict
  /** A sentence; for warnings and failures it says what to do. */
  readonly detail: string
}

export interface DoctorSources {
  readonly config: () => Config
  readonly nodeVersion: string
  readonly now: number
}
