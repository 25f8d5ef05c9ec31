import type { Core } from '../../../core/create-core.ts'
import type { Filter } from '../../../core/filter/filter.ts'
import type { Firmware } from '../../../core/firmware/firmware.ts'
import { ensureSilentRelease } from '../../../core/release/ensure-silent-release.ts'
import type { HealthPolicyInput } from '../../../core/rollout/health/health-policy.ts'
import type { OptionsInput } from '../../../core/rollout/options-input.ts'
import type { Rollout } from '../../../core/rollout/rollout.ts'
import type { RolloutInput } from '../../../core/rollout/rollout-input.ts'
import { devicesInVerification } from '../../../core/rollout/verification-limit.ts'
import { bodyOf, type Call, required } from '../call.ts'
import { CODE, EnosFailure, invalidArgument } from '../errors.ts'
import { extraOf } from './job-facts.ts'
import { type JobForm, jobForm } from './job-form.ts'
import { all, type JobSelection, jobSelection, oneOf } from './job-selection.ts'

/** Setting of an organisation: jobs that it makes have a health gate. */
export const GATE = 'enos/gate'

export const TIMED_OUT = 'Upgrade timeout'

/** [enos 3.5] Makes the rollout of a new job: a draft, whose tasks are all `init`. */
export async function createJob(core: Core, call: Call): Promise<Rollout> {
  const { organisation, scope } = call
  const firmware = await findFirmware(core, call)
  const form = jobForm(bodyOf(call))
  const { enabled, verified } = firmware.verification
  if (form.type === 'upgrade' && enabled && !verified)
    throw invalidArgument('firmwareId', 'the firmware must be verified first')
  const selection = await jobSelection(core, { organisation, firmware }, form.scope)
  const input = inputOf(call, { firmware, form, selection })
  if (form.type === 'upgrade') return core.rollouts.create(scope, input)
  return core.deps.storage.transaction(async (stores) => {
    const { serial, verification } = firmware
    // Holds the row: of two verifications at once the second counts the devices of the first.
    await stores.firmware.update(serial, { sealed: true })
    const { product, who } = selection
    const filter = { organisation: organisation.serial, product: product.serial, where: who }
    const devices = await stores.devices.list(filter, { limit: verification.maxDevices + 1 })
    if (devices.length === 0) throw invalidArgument('upgradeScope', 'means no device')
    const release = await ensureSilentRelease(stores, core.deps, firmware)
    const { devices: tried, reserved } = await devicesInVerification(stores, release)
    for (const device of devices) tried.add(device.serial)
    if (tried.size + reserved > verification.maxDevices)
      throw invalidArgument('upgradeScope', `at most ${verification.maxDevices} devices may verify the firmware`)
    // [enos 4] The list is closed now: whoever comes to fit later is not tried.
    const list = oneOf(
      'id',
      devices.map(({ id }) => id),
    )
    return core.rollouts.insert(stores, scope, { ...input, ...selected(list, selection.running) })
  })
}

async function findFirmware(core: Core, call: Call): Promise<Firmware> {
  const id = required(call, 'firmwareId')
  const firmware = await core.deps.storage.read.firmware.findById(call.organisation.serial, id)
  if (!firmware || firmware.scope === 'private') throw new EnosFailure(CODE.firmwareNotFound, 'Firmware not found')
  // These devices know one firmware, that of the primary module.
  const module = firmware.module === null ? undefined : await core.deps.storage.read.modules.find(firmware.module)
  if (module && !module.isPrimary) throw invalidArgument('firmwareId', 'is not for the primary module of its product')
  return firmware
}

function inputOf(
  { organisation }: Call,
  of: { readonly firmware: Firmware; readonly form: JobForm; readonly selection: JobSelection },
): RolloutInput {
  const { firmware, form, selection } = of
  const { schedulePolicy: schedule } = form
  return {
    kind: form.type === 'verify' ? 'verification' : 'update',
    ...(form.name && { name: form.name.default }),
    product: selection.product.id,
    release: { firmware: firmware.id },
    ...selected(selection.who, selection.running),
    membership: form.upgradePolicy === 'snapshot' ? 'snapshot' : 'dynamic',
    stages: [
      {
        percent: 100,
        successThreshold: 0,
        concurrency: form.maximumConcurrency,
        ...(schedule && {
          window: {
            kind: 'absolute',
            startAt: schedule.startTimestamp,
            endAt: schedule.endTimestamp,
            repeatDaily: schedule.isRepeatDaily,
          },
        }),
      },
    ],
    health: healthOf(organisation.settings[GATE] === true, form),
    options: optionsOf(form),
    extra: extraOf({
      firmware: firmware.id,
      version: firmware.version,
      name: form.name,
      upgradePolicy: form.upgradePolicy,
      upgradeScope: form.scope.given,
      upgradeTimeout: form.upgradeTimeout,
      retryPolicy: form.retryPolicy,
      schedulePolicy: form.schedulePolicy,
      maximumConcurrency: form.maximumConcurrency,
    }),
  }
}

function selected(who: Filter, running: Filter): Pick<RolloutInput, 'selection'> {
  const of = [who, running].flatMap((one) => (one.kind === 'all' ? one.of : [one]))
  return { selection: { filter: all(of), reportingOnly: true } }
}

/** With the gate on, a device has the job's own time to confirm. */
function healthOf(hasGate: boolean, { upgradeTimeout }: JobForm): HealthPolicyInput {
  return hasGate ? { confirmSeconds: upgradeTimeout } : { mode: 'off', allowance: 'unlimited' }
}

/** [enos 4] What devices may be sent to is the program's business; it may be older than what they run. */
function optionsOf({ type, upgradeTimeout: work, enableUpgradeRequest: pull, retryPolicy }: JobForm): OptionsInput {
  const reason = TIMED_OUT
  return {
    allowDowngrade: true,
    ignorePenalty: true,
    // A job is over when its program says so: until then its tasks may be retried.
    staysOpen: true,
    pull,
    retry: {
      attempts: retryPolicy?.enableRetry ? retryPolicy.retryCount + 1 : 1,
      pauseSeconds: retryPolicy?.retryInterval ?? 0,
      steady: true,
    },
    timeOuts:
      type === 'verify'
        ? { work, workFrom: 'offered', reason }
        : { work, workFrom: 'download', offered: work, offeredExpiry: 'release-slot', reason },
  }
}
