import { decide } from '../decide/decide.ts'
import { type DeviceFacts, deviceActor, loadDeviceFacts } from '../device/device-facts.ts'
import type { AskOptions, DeviceGateway, DownloadTicket } from '../device-gateway.ts'
import { isOtaError } from '../errors.ts'
import type { FirmwareFile } from '../firmware/firmware.ts'
import type { CoreLimits } from '../limits.ts'
import type { Ports, Stores } from '../ports.ts'
import { ensureSilentRelease } from '../release/ensure-silent-release.ts'
import { GrantLost } from '../rollout/grant.ts'
import { moveUpdate } from './move-update.ts'
import { isOfStep, noteProgress } from './note-progress.ts'
import { openOffer } from './open-offer.ts'
import { openUpdate } from './open-update.ts'
import { settleUpdate } from './settle-update.ts'
import type { Update } from './update.ts'

/** Rounds of concurrent downloads of one device before a loser just gets the file. */
const RACES = 3

type Progress = Pick<
  DeviceGateway,
  'grant' | 'startDownload' | 'startCatalogueDownload' | 'finishDownload' | 'report' | 'noteQuiet'
>

/** How updates are born and move when devices ask, fetch and report. Each call is one transaction. */
export function createUpdateProgress(ports: Ports, limits: CoreLimits): Progress {
  const { storage, clock } = ports
  const deps = { ...ports, limits }

  /** Decides on fresh facts inside the transaction and opens the update; one that was open for another release gives way. */
  async function claim(stores: Stores, known: DeviceFacts, options: AskOptions) {
    const fresh = await loadDeviceFacts(stores, known.device.serial)
    if (!fresh) return undefined
    const decision = decide(fresh, { ...options, now: clock.now(), limits })
    if (decision.kind === 'cancel' || !decision.offer) return undefined
    const { offer } = decision
    if (decision.kind === 'none') return decision.because.kind === 'up-to-date' ? { fresh, offer } : undefined
    const update = decision.open ?? (await openOffer(stores, deps, fresh, { offer, options }))
    return { fresh, offer, update }
  }

  async function grant(known: DeviceFacts, options: AskOptions): Promise<Update | undefined> {
    return orRaceLost(() =>
      storage.transaction(async (stores) => {
        const claimed = await claim(stores, known, options)
        if (!claimed?.update) return undefined
        const { update, fresh } = claimed
        return (
          (await moveUpdate(stores, deps, update, { trigger: 'offer', actor: deviceActor(fresh.device) })) ?? update
        )
      }),
    )
  }

  async function startDownload(known: DeviceFacts, options: AskOptions): Promise<DownloadTicket | undefined> {
    const start = () =>
      storage.transaction(async (stores): Promise<DownloadTicket | undefined> => {
        const claimed = await claim(stores, known, options)
        const file = claimed?.offer.files[0]
        if (!claimed || !file) return undefined
        if (!claimed.update || options.reporting === 'progress')
          return { file, closesDelivered: false, ...(claimed.update && { update: claimed.update }) }
        const update = await fetchAgain(stores, claimed.fresh, { update: claimed.update, options })
        return update && { file, update, closesDelivered: false }
      })
    for (let round = 0; round < RACES; round++) {
      try {
        return await start()
      } catch (error) {
        // `not-found`: the release was replaced and is gone before its update was opened.
        if (error instanceof GrantLost) return undefined
        if (!isOtaError(error, 'conflict') && !isOtaError(error, 'not-found')) throw error
      }
    }
    return besidesTheRace(known, options)
  }

  /** The file as it stands for a device whose calls all lost to others of its own. */
  async function besidesTheRace(known: DeviceFacts, options: AskOptions): Promise<DownloadTicket | undefined> {
    const facts = await loadDeviceFacts(storage.read, known.device.serial)
    if (!facts) return undefined
    const decision = decide(facts, { ...options, now: clock.now(), limits })
    // What a rollout has for it is nobody's before it is counted.
    const isGranted =
      decision.kind === 'update' && (decision.open !== undefined || decision.offer.source.kind === 'assignment')
    const mayHave = isGranted || (decision.kind === 'none' && decision.because.kind === 'up-to-date')
    const file = mayHave ? decision.offer?.files[0] : undefined
    return file && { file, closesDelivered: false }
  }

  /**
   * Over silent protocols, asking for bytes that were sent whole already means that they did not take; unless the device
   * was quiet long enough in between to count as updated.
   */
  async function fetchAgain(stores: Stores, fresh: DeviceFacts, current: { update: Update; options: AskOptions }) {
    const actor = deviceActor(fresh.device)
    let update: Update | undefined = current.update
    if (update.state === 'downloaded') {
      const isInstalled = update.confirmAfter !== null && update.confirmAfter <= clock.now()
      if (isInstalled) await settleUpdate(stores, deps, update)
      else
        await moveUpdate(stores, deps, update, { trigger: 'fail', actor, reason: 'the same bytes were fetched again' })
      update = await offerAgain(stores, fresh, { ...current, isInstalled })
    }
    return update && ((await moveUpdate(stores, deps, update, { trigger: 'download', actor })) ?? update)
  }

  /** What an assignment says is simply tried again; of a rollout the decision is made anew, with the failure known. */
  async function offerAgain(
    stores: Stores,
    fresh: DeviceFacts,
    { update, options, isInstalled }: { update: Update; options: AskOptions; isInstalled: boolean },
  ): Promise<Update | undefined> {
    const now = await loadDeviceFacts(stores, fresh.device.serial)
    if (!now) return undefined
    const decision = decide(now, { ...options, now: clock.now(), limits })
    const mayHave = decision.kind === 'update' || (isInstalled && decision.kind === 'none')
    const offer = mayHave ? decision.offer : undefined
    if (!offer || (update.rollout !== null && decision.kind !== 'update')) return undefined
    return openOffer(stores, deps, now, { offer, options })
  }

  /** The list that the device chose from may have been a moment old. */
  async function isStillListed(stores: Stores, fresh: DeviceFacts, { file, via }: { file: FirmwareFile; via: string }) {
    const current = await stores.firmware.find(file.firmware.serial)
    if (!current || current.withdrawn || fresh.device.status === 'disabled') return false
    if (fresh.open && aimsAt(fresh.open, file)) return true
    if (fresh.product?.distribution !== 'managed') return !fresh.serverFrozen && !fresh.organisationFrozen
    const decision = decide(fresh, { via, ...CATALOGUE, isVerifiable: false, now: clock.now(), limits })
    // What a rollout has for it is granted when it is listed, and is the open update then.
    if (decision.kind === 'cancel' || (decision.kind === 'update' && decision.offer.source.kind === 'rollout'))
      return false
    return decision.offer?.files.some(({ firmware }) => firmware.serial === current.serial)
  }

  async function startCatalogueDownload(
    known: DeviceFacts,
    file: FirmwareFile,
    via: string,
  ): Promise<DownloadTicket | undefined> {
    const open = known.open
    if (open && open.via === via && open.state === 'downloading' && aimsAt(open, file))
      return { file, update: open, closesDelivered: true }
    const start = () =>
      storage.transaction(async (stores): Promise<DownloadTicket | undefined> => {
        const fresh = await loadDeviceFacts(stores, known.device.serial)
        if (!fresh || (fresh.open && fresh.open.via !== via)) return undefined
        if (!(await isStillListed(stores, fresh, { file, via }))) return undefined
        const actor = deviceActor(fresh.device)
        let update = fresh.open
        if (update && !aimsAt(update, file)) {
          await moveUpdate(stores, deps, update, { trigger: 'supersede', actor })
          update = undefined
        }
        const release = await ensureSilentRelease(stores, deps, file.firmware)
        update ??= await openUpdate(stores, deps, fresh, { ...CATALOGUE, via, release: release.serial, files: [file] })
        update = (await moveUpdate(stores, deps, update, { trigger: 'download', actor })) ?? update
        return { file, update, closesDelivered: true }
      })
    for (let round = 0; round < RACES; round++) {
      try {
        return await start()
      } catch (error) {
        if (isOtaError(error, 'not-found')) return undefined // The file was deleted meanwhile.
        if (!isOtaError(error, 'conflict')) throw error
      }
    }
    return { file, closesDelivered: false }
  }

  async function finishDownload(known: DeviceFacts, ticket: DownloadTicket): Promise<void> {
    const { update } = ticket
    if (!update) return
    await storage.transaction(async (stores) => {
      const current = await stores.updates.find(update.serial)
      const trigger = ticket.closesDelivered ? 'deliver' : 'downloaded'
      if (current) await moveUpdate(stores, deps, current, { trigger, actor: deviceActor(known.device) })
    })
  }

  async function report(known: DeviceFacts, via: string, step: Parameters<DeviceGateway['report']>[2]) {
    return storage.transaction(async (stores) => {
      const open = await stores.updates.findOpen(known.device.serial)
      if (!open || open.via !== via) return false
      const moved = await moveUpdate(stores, deps, open, { ...step, actor: deviceActor(known.device) })
      if (moved) return true
      if (step.progress === undefined || !isOfStep(open, step.trigger)) return false
      const news = { progress: step.progress, reason: step.reason ?? '' }
      return (await noteProgress(stores, deps, open, news)) !== undefined
    })
  }

  async function noteQuiet(known: DeviceFacts, via: string): Promise<void> {
    const open = known.open
    if (open?.via !== via || open.state !== 'downloaded' || open.confirmAfter !== null) return
    const confirmAfter = clock.now() + limits.inferSeconds * 1000
    await storage.transaction((stores) => stores.updates.move(open.serial, 'downloaded', { confirmAfter }))
  }

  return { grant, startDownload, startCatalogueDownload, finishDownload, report, noteQuiet }
}

/** Devices that choose from a catalogue tell nothing of what becomes of it. */
const CATALOGUE = { reporting: 'silent' } as const

function aimsAt(update: Update, file: FirmwareFile): boolean {
  return update.steps.length === 1 && update.steps[0]?.firmware === file.firmware.serial
}

/**
 * Two calls of one device at once: the unique open update lets one win; the other sees undefined and may ask again. So
 * does a device that is deleted, or whose release is, at that moment (`not-found`).
 */
async function orRaceLost<T>(work: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (isOtaError(error, 'conflict') || isOtaError(error, 'not-found') || error instanceof GrantLost) return undefined
    throw error
  }
}
