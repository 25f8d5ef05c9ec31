import type { Core } from '../../core/create-core.ts'
import { type DeviceFacts, deviceActor } from '../../core/device/device-facts.ts'
import type { AskOptions } from '../../core/device-gateway.ts'
import { record } from '../../core/event/record.ts'
import type { FirmwareFile } from '../../core/firmware/firmware.ts'
import { loadFile } from '../../core/firmware/load-file.ts'
import type { Update } from '../../core/update/update.ts'
import type { DeviceMessage } from './device-message.ts'
import { noteArrivals } from './jobs/task-arrivals.ts'
import { ENOS } from './names.ts'
import { isLive, isPublished } from './update-states.ts'

export const ASK: AskOptions = { via: ENOS, reporting: 'progress' }
const PULL: AskOptions = { ...ASK, pulls: true }

/** An update and the file that the device is to take for it. */
export interface Live {
  readonly update: Update
  readonly file: FirmwareFile
}

/** What devices may say and be told, over whichever transport. */
export interface DeviceTalk {
  /** Does what a message says; the facts as they are afterwards. A late or foreign report changes nothing. */
  receive(facts: DeviceFacts, message: DeviceMessage): Promise<DeviceFacts>
  /** What is to be pushed: the next offer, which becomes published by this, or the published one again. */
  toPush(facts: DeviceFacts): Promise<Live | undefined>
  /** What `getversion` answers: the live task again, or the next one, which becomes published by this [enos 4]. */
  toPull(facts: DeviceFacts): Promise<Live | undefined>
  /** The live task whose file has this alias. */
  liveFile(facts: DeviceFacts, fileAlias: string): Promise<Live | undefined>
}

/**
 * [enos 4] Devices inform at start, and nothing else tells a restart. Progress is one scale over fetching and installing,
 * so one that starts again before step 100 was only interrupted; after step 100 it comes from its new image, or has gone
 * back to the old one.
 */
function restartOf({ open }: DeviceFacts): { afterReboot?: true } {
  const isInstalled = open?.via === ENOS && open.state === 'installing' && open.progress === 100
  return isInstalled ? { afterReboot: true } : {}
}

export function createDeviceTalk(core: Core): DeviceTalk {
  const { gateway } = core
  const { storage } = core.deps

  async function receive(facts: DeviceFacts, message: DeviceMessage): Promise<DeviceFacts> {
    switch (message.kind) {
      case 'inform': {
        const after = await gateway.checkIn(facts, { running: { '': message.version }, ...restartOf(facts) })
        await noteArrivals(core, facts, message.version)
        return afterInform(after)
      }
      case 'progress': {
        const { step, description } = message
        // [enos 4] step 100 is no proof of success: only the version is
        const trigger = step < 0 ? 'fail' : 'install'
        await gateway.report(facts, ENOS, { trigger, progress: step, reason: description })
        return fresh(facts)
      }
      case 'upgrade-reply':
        await noteReply(facts, message.code)
        return facts
      case 'getversion':
      case 'bad':
        return facts
    }
  }

  /** Nothing tells these devices that an update at work was cancelled: it ends when they next say what they run. */
  async function afterInform(facts: DeviceFacts): Promise<DeviceFacts> {
    if (facts.open?.via !== ENOS || facts.open.state !== 'cancelling') return facts
    await gateway.report(facts, ENOS, { trigger: 'acknowledge-cancel' })
    return fresh(facts)
  }

  /** [enos 5.3] noted on the update; changes no state */
  async function noteReply(facts: DeviceFacts, code: string): Promise<void> {
    const { open, device } = facts
    if (open?.via !== ENOS) return
    await storage.transaction((stores) =>
      record(stores, core.deps, {
        organisation: device.organisation,
        type: 'update.command-answered',
        actor: deviceActor(device),
        subject: { kind: 'update', id: open.id },
        details: { code },
      }),
    )
  }

  async function fresh(facts: DeviceFacts): Promise<DeviceFacts> {
    return (await gateway.find({ by: 'serial', serial: facts.device.serial })) ?? facts
  }

  function toPush(facts: DeviceFacts): Promise<Live | undefined> {
    return next(facts, ASK)
  }

  async function next(facts: DeviceFacts, ask: AskOptions): Promise<Live | undefined> {
    const current = await withoutEnded(facts, ask)
    const decision = gateway.decide(current, ask)
    if (decision.kind !== 'update') return undefined
    const { open } = decision
    if (open && isPublished(open.state)) return withFile(current, open)
    if (open && open.state !== 'pending') return undefined
    const granted = await gateway.grant(current, ask)
    return granted && isPublished(granted.state) ? withFile(await fresh(current), granted) : undefined
  }

  /** An update that is to end, and that the device has not begun, ends here: these devices are told nothing of it. */
  async function withoutEnded(facts: DeviceFacts, ask: AskOptions): Promise<DeviceFacts> {
    const decision = gateway.decide(facts, ask)
    if (decision.kind !== 'cancel' || !isPublished(decision.update.state)) return facts
    await gateway.beginCancel(facts, ask)
    return fresh(facts)
  }

  async function toPull(facts: DeviceFacts): Promise<Live | undefined> {
    const live = liveUpdate(facts)
    if (!live) return next(facts, PULL)
    return mayPull(facts, live) ? withFile(facts, live) : undefined
  }

  /** [enos 4] Jobs must allow it, and a stopped one answers with nothing. */
  function mayPull({ rollouts }: DeviceFacts, { rollout: serial }: Update): boolean {
    if (serial === null) return true
    const rollout = rollouts.find((one) => one.rollout.serial === serial)?.rollout
    return rollout?.state === 'running' && rollout.options.pull
  }

  async function liveFile(facts: DeviceFacts, fileAlias: string): Promise<Live | undefined> {
    const update = liveUpdate(facts)
    const live = update && (await withFile(facts, update))
    return live?.file.firmware.fileAlias === fileAlias ? live : undefined
  }

  function liveUpdate({ open, openWithdrawn }: DeviceFacts): Update | undefined {
    return open?.via === ENOS && isLive(open.state) && !openWithdrawn ? open : undefined
  }

  /** These devices know one firmware: that of the primary module. */
  async function withFile(facts: DeviceFacts, update: Update): Promise<Live | undefined> {
    const primary = facts.modules.find((module) => module.isPrimary)?.serial
    const step = update.steps.find((one) => one.module === null || one.module === primary)
    if (!step) return undefined
    const offered = [facts.own, facts.group].flatMap((offer) => offer?.files ?? [])
    const file =
      offered.find(({ firmware }) => firmware.serial === step.firmware) ?? (await loadFile(storage.read, step.firmware))
    return file && { update, file }
  }

  return { receive, toPush, toPull, liveFile }
}
