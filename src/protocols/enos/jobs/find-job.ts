import type { Stores } from '../../../core/ports.ts'
import { type Call, required } from '../call.ts'
import { CODE, EnosFailure } from '../errors.ts'
import { type Job, jobOf } from './job-facts.ts'

/** [enos 3.5] The job named in the query. Throws 24404, also for one of another organisation. */
export async function findJob(stores: Pick<Stores, 'rollouts'>, call: Call): Promise<Job> {
  const rollout = await stores.rollouts.findById(call.organisation.serial, required(call, 'jobId'))
  const job = rollout && jobOf(rollout)
  if (!job) throw jobNotFound()
  return job
}

export function jobNotFound(): EnosFailure {
  return new EnosFailure(CODE.jobNotFound, 'Job not found')
}
