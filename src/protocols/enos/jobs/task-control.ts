import type { Core } from '../../../core/create-core.ts'
import type { Device } from '../../../core/device/device.ts'
import { loadDeviceFacts } from '../../../core/device/device-facts.ts'
import type { Stores } from '../../../core/ports.ts'
import { mismatch } from '../../../core/rollout/load-candidates.ts'
import type { Rollout } from '../../../core/rollout/rollout.ts'
import { bodyOf, type Call } from '../call.ts'
import { devicesByDeviceKey } from '../device-names.ts'
import { CODE, EnosFailure, invalidArgument } from '../errors.ts'
import { findJob } from './find-job.ts'
import { CANCELLED, INIT, type TaskState, type TaskStatus, taskState } from './task-state.ts'
import { isKept } from './upgrade-scope.ts'

const DEVICES = 1_000

/** [enos 3.5] `cancelTask`: all of the named tasks, or none. What devices were told already is not taken back. */
export function cancelTasks(core: Core, call: Call): Promise<void> {
  return change(core, call, {
    from: ['init', 'published'],
    refusal: () => new EnosFailure(CODE.notCancellable, 'Only init or published tasks can be canceled'),
    apply: (stores, rollout, devices) =>
      core.rolloutMembers.excludeNamed(stores, call.scope, { rollout, devices, reason: CANCELLED }),
  })
}

/** [enos 3.5] `retryTask`: all of the named tasks, or none; cancelled ones too. */
export function retryTasks(core: Core, call: Call): Promise<void> {
  return change(core, call, {
    from: ['failed'],
    refusal: () => new EnosFailure(CODE.notRetriable, 'Only failed tasks can be retried'),
    apply: (stores, rollout, devices) => core.rolloutMembers.retryNamed(stores, call.scope, { rollout, devices }),
  })
}

interface TaskChange {
  readonly from: readonly TaskStatus[]
  readonly refusal: () => EnosFailure
  apply(stores: Stores, rollout: Rollout, devices: readonly string[]): Promise<unknown>
}

async function change(core: Core, call: Call, { from, refusal, apply }: TaskChange): Promise<void> {
  const { organisation } = call
  const { rollout: known } = await findJob(core.deps.storage.read, call)
  const names = deviceKeys(bodyOf(call)['deviceKeys'])
  await core.deps.storage.transaction(async (stores) => {
    await stores.rolloutTallies.lock(known.serial)
    const { rollout } = await findJob(stores, call)
    if (rollout.state !== 'running') throw new EnosFailure(CODE.jobNotRunning, 'Job not running')
    const named = await devicesByDeviceKey(stores, { organisation, names }, [rollout.product])
    const devices: string[] = []
    for (const name of names) {
      const [device] = named.get(name) ?? []
      const task = device && (await taskOf(core, stores, { rollout, device }))
      if (!device || !task || !from.includes(task.status)) throw refusal()
      devices.push(device.id)
    }
    await apply(stores, rollout, devices)
  })
}

/** undefined when the device has no task in this job. */
async function taskOf(
  core: Core,
  stores: Stores,
  { rollout, device }: { readonly rollout: Rollout; readonly device: Device },
): Promise<TaskState | undefined> {
  const { clock, limits } = core.deps
  const member = await stores.rolloutMembers.find(rollout.serial, device.serial)
  if (member) {
    const update = member.update === null ? undefined : await stores.updates.find(member.update)
    return taskState(rollout, member, { update, asOf: { now: clock.now(), limits } })
  }
  if (rollout.membership === 'snapshot') return undefined
  const facts = await loadDeviceFacts(stores, device.serial)
  return facts && mismatch(rollout, facts) === undefined ? INIT : undefined
}

function deviceKeys(value: unknown): string[] {
  if (value === undefined || value === null) throw invalidArgument('deviceKeys', 'deviceKeys is missing')
  if (!Array.isArray(value) || value.length === 0 || !value.every(isDeviceKey))
    throw invalidArgument('deviceKeys', 'must be a list of strings')
  if (value.length > DEVICES) throw invalidArgument('deviceKeys', `at most ${DEVICES}`)
  return [...new Set(value)]
}

function isDeviceKey(value: unknown): value is string {
  return typeof value === 'string' && isKept(value)
}
