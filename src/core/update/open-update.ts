import type { Assignment } from '../assignment/assignment.ts'
import type { Serial } from '../common.ts'
import { type DeviceFacts, deviceActor } from '../device/device-facts.ts'
import type { AskStyle } from '../device-gateway.ts'
import { record } from '../event/record.ts'
import type { FirmwareFile } from '../firmware/firmware.ts'
import type { Stores } from '../ports.ts'
import type { By } from './move-update.ts'
import { forSilentDevices } from './time-outs.ts'
import type { OwnTimeOuts, Update } from './update.ts'

export interface OpenUpdateOptions {
  readonly via: string
  /** Whether its devices report what becomes of it. */
  readonly reporting: AskStyle['reporting']
  readonly release: Serial
  /** Absent when the device chose from a catalogue. */
  readonly assignment?: Assignment
  /** The rollout that grants it. */
  readonly rollout?: Serial
  readonly files: readonly FirmwareFile[]
  /** What differs from the server's time-outs. */
  readonly timeOuts?: OwnTimeOuts
}

/** Opens an update in `pending`. Throws `conflict` when the device has an open one. */
export async function openUpdate(
  stores: Stores,
  by: By,
  facts: DeviceFacts,
  options: OpenUpdateOptions,
): Promise<Update> {
  const now = by.clock.now()
  const own = options.timeOuts ?? null
  const { device, running, modules } = facts
  const primary = modules.find((module) => module.isPrimary)?.serial
  const latest = await stores.updates.findLatest(device.serial)
  const isRetry =
    latest?.release === options.release &&
    (latest.state === 'failed' || latest.state === 'rolled-back') &&
    latest.createdAt >= (options.assignment?.assignedAt ?? 0)
  const update = await stores.updates.insert({
    id: by.ids.id(now),
    createdAt: now,
    organisation: device.organisation,
    device: device.serial,
    release: options.release,
    assignment: options.assignment?.serial ?? null,
    rollout: options.rollout ?? null,
    via: options.via,
    state: 'pending',
    attempt: isRetry ? latest.attempt + 1 : 1,
    progress: 0,
    reason: '',
    steps: options.files.map(({ firmware }) => ({
      module: firmware.module,
      firmware: firmware.serial,
      from: running.find((row) => row.module === (firmware.module ?? primary))?.version ?? null,
      to: firmware.version,
    })),
    changedAt: now,
    closedAt: null,
    confirmAfter: null,
    deadline: null,
    timeOuts: options.reporting === 'silent' ? forSilentDevices(own) : own,
  })
  await record(stores, by, {
    organisation: device.organisation,
    type: 'update.opened',
    actor: deviceActor(device),
    subject: { kind: 'update', id: update.id },
    details: {
      device: device.id,
      via: update.via,
      attempt: update.attempt,
      steps: update.steps.map(({ from, to }) => ({ from, to })),
    },
  })
  return update
}
