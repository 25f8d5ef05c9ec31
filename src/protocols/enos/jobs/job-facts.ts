import type { Id } from '../../../core/common.ts'
import type { LocalisedText } from '../../../core/firmware/firmware.ts'
import type { Rollout } from '../../../core/rollout/rollout.ts'
import type { JsonObject } from '../json.ts'
import { isJsonObject } from '../json.ts'
import type { EnosRetryPolicy, EnosSchedulePolicy, JobForm } from './job-form.ts'

/** What a rollout keeps for this protocol alone: whatever JobInfo gives back as it came. */
export interface JobFacts {
  readonly firmware: Id
  /** Of the firmware. */
  readonly version: string
  readonly name: LocalisedText | null
  readonly upgradePolicy: JobForm['upgradePolicy']
  readonly upgradeScope: JsonObject
  readonly upgradeTimeout: number
  readonly retryPolicy: EnosRetryPolicy | null
  readonly schedulePolicy: EnosSchedulePolicy | null
  readonly maximumConcurrency: number
}

/** [enos 1] A rollout that a program of this protocol made. */
export interface Job {
  readonly rollout: Rollout
  readonly facts: JobFacts
}

const NAME = 'enos'

/** The `extra` of a job's rollout. */
export function extraOf(facts: JobFacts): Rollout['extra'] {
  return { [NAME]: facts }
}

/** undefined for rollouts that were made otherwise: they are no jobs. */
export function jobOf(rollout: Rollout): Job | undefined {
  const facts = rollout.extra[NAME]
  return isJsonObject(facts) && typeof facts['firmware'] === 'string' && typeof facts['version'] === 'string'
    ? { rollout, facts: facts as unknown as JobFacts }
    : undefined
}
