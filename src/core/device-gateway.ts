import type { Id, Millis, Serial } from './common.ts'
import type { Decision, Hold, Offer } from './decide/decision.ts'
import type { Credential, DeviceGroup } from './device/device.ts'
import type { DeviceFacts } from './device/device-facts.ts'
import type { Caller } from './device/device-store.ts'
import type { FirmwareFile } from './firmware/firmware.ts'
import type { Organisation } from './organisation/organisation.ts'
import type { Update, UpdateState } from './update/update.ts'

/** How a device is found before it has proved itself. */
export type DeviceReference =
  | { readonly by: 'id'; readonly id: Id }
  | { readonly by: 'serial'; readonly serial: Serial }
  /** A vendor's name for it, else its key, within a product. */
  | { readonly by: 'name'; readonly slot: string; readonly product: Serial; readonly name: string }
  /** The SHA-256 of a bearer token. */
  | { readonly by: 'token'; readonly scheme: string; readonly hash: string }

export interface GroupFacts {
  readonly group: DeviceGroup
  readonly organisation: Organisation
  readonly credentials: readonly Credential[]
  readonly serverFrozen: boolean
  readonly offer?: Offer
}

/** What a group's members are meant to run; a group has no running version, so nothing is ever "up to date". */
export type GroupDecision =
  | { readonly kind: 'update'; readonly offer: Offer }
  | { readonly kind: 'none'; readonly because: 'nothing-assigned' | 'frozen' | 'withdrawn' }

/** What a device says of itself. Module keys that its product does not have are ignored. */
export interface CheckIn {
  /** Running version by module key; the key '' means the primary module. */
  readonly running?: Readonly<Record<string, string>>
  readonly attributes?: Readonly<Record<string, string>>
  /**
   * The versions come from a device that has started anew since it began to install: should it run what it ran before,
   * its update was rolled back. Only for protocols that can know.
   */
  readonly afterReboot?: true
}

/** How the devices of one protocol ask; see `Asking`. */
export interface AskStyle {
  readonly reporting: 'progress' | 'silent'
  readonly ignoreGroup?: boolean
  /** Whether the protocol tells what becomes of an update; default yes. Devices that do not are no evidence for a gate. */
  readonly isVerifiable?: boolean
  /** Devices of a product with a catalogue choose from it by themselves; neither assignments nor rollouts reach them. */
  readonly choosesFromCatalogue?: boolean
}

export interface AskOptions extends AskStyle {
  readonly via: string
  /** The device asks by itself, where a protocol knows push and pull. */
  readonly pulls?: boolean
  /** Nothing new for now, as the device itself asks. */
  readonly hold?: Hold
}

/** A step that a device reports about its open update. */
export interface StepReport {
  readonly trigger: 'download' | 'downloaded' | 'install' | 'fail' | 'roll-back' | 'acknowledge-cancel'
  /** 0..100, or the device's own negative failure code. */
  readonly progress?: number
  readonly reason?: string
}

/** A report under a name of the device's own, so that a repetition is recognised. */
export interface NamedReport {
  /** Unique for the device for as long as reports are remembered. */
  readonly name: string
  /** Which update it speaks of. */
  readonly update: Id
  /** Taken in turn, each as far as the life of an update allows. */
  readonly steps: readonly StepReport[]
  /** Running versions as in `CheckIn`; they count before the steps. */
  readonly running?: Readonly<Record<string, string>>
  /** When it happened, by the device's own clock; kept with the event. */
  readonly at?: Millis
}

/** What became of a report. `state` is the update's afterwards. */
export type ReportResult =
  | { readonly kind: 'accepted'; readonly state: UpdateState }
  /** It came before, and counted then. */
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'ignored'; readonly because: 'no-such-update' }
  /** `closed`: the update had ended. `late`: it was past this step already, or cannot take it. */
  | { readonly kind: 'ignored'; readonly because: 'closed' | 'late'; readonly state: UpdateState }

/** The right to send one file to one device, and what becomes of it. */
export interface DownloadTicket {
  readonly file: FirmwareFile
  /** Absent for downloads that belong to no single device (a group's). */
  readonly update?: Update
  /** Whether a finished transfer closes the update as `delivered`. */
  readonly closesDelivered: boolean
}

/**
 * All that a device protocol may ask. Every answer is a value; only faults throw. Reads of unchanged facts cost no query
 * on a server that is its database's sole writer.
 */
export interface DeviceGateway {
  /**
   * The facts of a device, undefined when there is none. Authentication is the protocol's next step. How far the open
   * update is within its step may be older than the rest (see `concernsAnswers`).
   */
  find(reference: DeviceReference): Promise<DeviceFacts | undefined>
  /**
   * As `find`, at once and of memory alone: undefined where only the database knows. Facts are the same object until
   * something changes, the counters of its rollouts included, so an answer that time does not change may be kept by it.
   */
  recall(reference: DeviceReference): DeviceFacts | undefined
  /**
   * Who calls with a bearer token, for calls that need no more than that; undefined when it is nobody's. Costs no query
   * for a device that is held in memory, and a share of one for others.
   */
  identify(reference: DeviceReference & { readonly by: 'token' }): Promise<Caller | undefined>
  findGroup(id: Id): Promise<GroupFacts | undefined>
  /** Notes a sign of life; written behind. */
  seen(device: Serial): void
  /**
   * Stores what changed of versions and attributes, with events. Versions that the open update aims at end it as
   * succeeded; those it came from, after a restart while it was installing, as rolled back.
   */
  checkIn(facts: DeviceFacts, checkIn: CheckIn): Promise<DeviceFacts>
  decide(facts: DeviceFacts, options: AskOptions): Decision
  currentForGroup(facts: GroupFacts): GroupDecision
  /** Opens (or returns) the update that a decision offers; undefined when somebody was faster and it no longer stands. */
  grant(facts: DeviceFacts, options: AskOptions): Promise<Update | undefined>
  /** Firmware that the device may choose from, by creation. Empty without product, or while nothing may be offered. */
  catalogue(facts: DeviceFacts, via: string): Promise<readonly FirmwareFile[]>
  /** As `catalogue`, at once and of memory alone; undefined where the database must be asked, or something be granted. */
  recallCatalogue(facts: DeviceFacts, via: string): readonly FirmwareFile[] | undefined
  /**
   * A device asked for the bytes of what it was offered. Moves or opens its update; over silent protocols a second
   * fetch of the same bytes means that the first one did not take. undefined when it may not have them. Calls of one
   * device at the same time all get the file; those that lose the race share the winner's update or have none.
   */
  startDownload(facts: DeviceFacts, options: AskOptions): Promise<DownloadTicket | undefined>
  /** As `startDownload`, for a file chosen from the catalogue. */
  startCatalogueDownload(facts: DeviceFacts, file: FirmwareFile, via: string): Promise<DownloadTicket | undefined>
  /** The last byte of the file has left; never call it for an aborted transfer. */
  finishDownload(facts: DeviceFacts, ticket: DownloadTicket): Promise<void>
  /** A step of the open update over `via`; a late, duplicate or foreign report changes nothing and answers false. */
  report(facts: DeviceFacts, via: string, step: StepReport): Promise<boolean>
  /**
   * Reports that the device queued, oldest first, in one transaction with the memory of their names: each counts once,
   * however often it is sent. The answers stand in the order of the reports. Reports of many devices share a commit.
   */
  reportAll(caller: Caller, via: string, reports: readonly NamedReport[]): Promise<readonly ReportResult[]>
  /**
   * Where the decision is to cancel: an update that the device has not begun ends, one at work waits for its
   * acknowledgement. Answers it as it stands then; undefined when nothing is to be cancelled any more.
   */
  beginCancel(facts: DeviceFacts, options: AskOptions): Promise<Update | undefined>
  /**
   * A device, or a member of a group, fetched exactly the bytes that it runs already: the version it was given is not
   * the one compiled in, so it would fetch them for ever. Recorded once for each file that the target is given.
   */
  noteSameImage(target: DeviceFacts | GroupFacts, file: FirmwareFile): Promise<void>
  /** Over silent protocols: the device asked and took nothing; if it stays quiet its downloaded update counts as installed. */
  noteQuiet(facts: DeviceFacts, via: string): Promise<void>
}
