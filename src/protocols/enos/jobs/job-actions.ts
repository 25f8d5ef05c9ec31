import type { Core } from '../../../core/create-core.ts'
import { isOtaError } from '../../../core/errors.ts'
import { type Actions, bodyOf, type Call, NO_DATA } from '../call.ts'
import type { EnosConfig } from '../config.ts'
import { CODE, EnosFailure } from '../errors.ts'
import { createTaskIds, TASK_ID_KEY } from '../task-id.ts'
import { createJob } from './create-job.ts'
import { findJob, jobNotFound } from './find-job.ts'
import { JobDescriber } from './job-info.ts'
import { searchJobs } from './job-search.ts'
import { cancelTasks, retryTasks } from './task-control.ts'
import { describeTasks } from './task-info.ts'
import { searchTasks } from './task-search.ts'

/** [enos 3.5] the actions of ota-jobs: a job is a rollout, its tasks are the devices in it */
export function jobActions(core: Core, config: Pick<EnosConfig, 'productKeyInReplies'>): Actions {
  const { read: stores } = core.deps.storage
  const taskIds = createTaskIds(core.deps.secrets.derive(TASK_ID_KEY))
  const describerOf = ({ organisation }: Call) => new JobDescriber(core, organisation, config)

  async function create(call: Call): Promise<string> {
    const rollout = await createJob(core, call)
    return JSON.stringify({ jobId: rollout.id })
  }

  async function get(call: Call): Promise<string> {
    const info = await describerOf(call).info(await findJob(stores, call))
    if (!info) throw jobNotFound()
    return JSON.stringify(info)
  }

  async function search(call: Call): Promise<string> {
    return JSON.stringify(await searchJobs(core, call, { body: bodyOf(call), describer: describerOf(call) }))
  }

  async function searchTask(call: Call): Promise<string> {
    const { organisation } = call
    const tasks = await searchTasks(core, call, bodyOf(call))
    return JSON.stringify(await describeTasks(core, tasks, { organisation, describer: describerOf(call), taskIds }))
  }

  /** A job that was paused, or that its gate stopped, goes on. */
  async function start(call: Call): Promise<string> {
    const { rollout } = await findJob(stores, call)
    const started = () => new EnosFailure(CODE.jobStarted, 'Job has started')
    if (rollout.state === 'running') throw started()
    if (rollout.state === 'draft') await orState(core.rolloutControl.start(call.scope, rollout.id), 'running', started)
    else await orState(core.rolloutControl.resume(call.scope, rollout.id), 'running', started)
    return NO_DATA
  }

  /** [enos 4] What is under way goes on. */
  async function stop(call: Call): Promise<string> {
    const { rollout } = await findJob(stores, call)
    const stopped = () => new EnosFailure(CODE.jobStopped, 'Job has stopped')
    if (rollout.state !== 'running') throw stopped()
    await orState(core.rolloutControl.pause(call.scope, rollout.id), undefined, stopped)
    return NO_DATA
  }

  async function remove(call: Call): Promise<string> {
    const { rollout } = await findJob(stores, call)
    const running = () => new EnosFailure(CODE.jobRunning, 'Not allowed to delete running job')
    if (rollout.state === 'running') throw running()
    await orState(core.rollouts.delete(call.scope, rollout.id), 'running', running)
    return NO_DATA
  }

  async function cancelTask(call: Call): Promise<string> {
    await cancelTasks(core, call)
    return NO_DATA
  }

  async function retryTask(call: Call): Promise<string> {
    await retryTasks(core, call)
    return NO_DATA
  }

  const read = { permission: 'read', changes: false } as const
  const write = { permission: 'write', changes: true } as const
  return {
    get: { ...read, run: get },
    search: { ...read, run: search },
    searchTask: { ...read, run: searchTask },
    create: { ...write, run: create },
    start: { ...write, run: start },
    stop: { ...write, run: stop },
    delete: { ...write, run: remove },
    cancelTask: { ...write, run: cancelTask },
    retryTask: { ...write, run: retryTask },
  }
}

/** Somebody was faster: the refusal that fits the state in which the job was found; undefined = any. */
async function orState(work: Promise<unknown>, state: string | undefined, refusal: () => EnosFailure): Promise<void> {
  try {
    await work
  } catch (error) {
    if (isOtaError(error, 'not-found')) throw jobNotFound()
    const isSo = isOtaError(error, 'wrong-state') && (state === undefined || error.details['state'] === state)
    throw isSo ? refusal() : error
  }
}
