import type { Serial } from '../../../core/common.ts'
import type { Core } from '../../../core/create-core.ts'
import type { RunningVersion } from '../../../core/device/device.ts'
import type { Organisation } from '../../../core/organisation/organisation.ts'
import { lastNews } from '../../../core/rollout/member-search.ts'
import { assetIdOf, deviceKeyOf, orgIdOf, productKeyOf } from '../names.ts'
import type { TaskIds } from '../task-id.ts'
import type { JobDescriber } from './job-info.ts'
import type { TaskFound } from './task-search.ts'
import { INIT, startsFromNow, type TaskState, type TaskStatus, taskState } from './task-state.ts'

/** [enos 3.3] */
export interface TaskInfo {
  readonly taskId: string
  readonly orgId: string
  readonly assetId: string
  readonly productKey: string
  readonly deviceKey: string
  readonly jobId: string
  readonly fromVersion: string
  readonly toVersion: string
  readonly progress: number
  readonly desc: string
  readonly status: TaskStatus
  readonly updateTime: number
}

interface Describing {
  readonly organisation: Organisation
  readonly describer: JobDescriber
  readonly taskIds: TaskIds
}

/** [enos 3.3] Describes one page of tasks; those whose device was deleted meanwhile are left out. */
export async function describeTasks(
  core: Core,
  tasks: readonly TaskFound[],
  describing: Describing,
): Promise<TaskInfo[]> {
  const stores = core.deps.storage.management
  const serials = [...new Set(tasks.map(deviceOf))]
  const organisation = describing.organisation.serial
  const devices = new Map(
    (await stores.devices.listNamed({ organisation, keys: [], ids: [], serials })).map((one) => [one.serial, one]),
  )
  const running = Map.groupBy(await stores.running.listByDevices(serials), ({ device }) => device)
  const infos: TaskInfo[] = []
  for (const task of tasks) {
    const device = devices.get(deviceOf(task))
    const product = device && (await describing.describer.product(device.product ?? task.job.rollout.product))
    if (!device || !product) continue
    const primary = await describing.describer.primaryModule(product.serial)
    const runs = versionOf(running.get(device.serial) ?? [], primary)
    const { rollout, facts } = task.job
    const state = stateOf(core, task)
    infos.push({
      taskId: describing.taskIds.encode({ rollout: rollout.serial, device: device.serial }),
      orgId: orgIdOf(describing.organisation),
      assetId: assetIdOf(device),
      productKey: productKeyOf(product),
      deviceKey: deviceKeyOf(device),
      jobId: rollout.id,
      fromVersion: fromVersionOf(task, state, runs),
      toVersion: facts.version,
      progress: state.progress,
      desc: state.desc,
      status: state.status,
      updateTime: task.found ? lastNews(task.found) : rollout.createdAt,
    })
  }
  return infos
}

function deviceOf({ found, device }: TaskFound): Serial {
  return found ? found.member.device : device.serial
}

function stateOf(core: Core, { job, found }: TaskFound): TaskState {
  if (!found) return INIT
  const asOf = { now: core.deps.clock.now(), limits: core.deps.limits }
  return taskState(job.rollout, found.member, { update: found.update, asOf })
}

function fromVersionOf({ found }: TaskFound, state: TaskState, runs: string): string {
  return startsFromNow(found?.member, state) ? runs : (found?.update?.steps[0]?.from ?? '')
}

function versionOf(running: readonly RunningVersion[], module: Serial | undefined): string {
  return running.find((row) => row.module === module)?.version ?? ''
}
