import type { Id, Millis, New, Patch, Serial, Slice } from '../common.ts'
import type { Artifact, Firmware, FirmwareFile } from './firmware.ts'

export interface FirmwareFilter {
  readonly organisation: Serial
  /** null = only firmware without a product. */
  readonly product?: Serial | null
  readonly module?: Serial
  readonly scope?: Firmware['scope']
  readonly active?: boolean
  readonly withdrawn?: boolean
  readonly version?: string
  /** Case-insensitive literal substring of version, default name or notes. */
  readonly search?: string
}

export interface FirmwareStore {
  /** Throws `conflict` (details.field `version`, `name`, `id` or `serial`) when a library firmware of the same product and module has it. */
  insert(row: New<Firmware>): Promise<Firmware>
  find(serial: Serial): Promise<Firmware | undefined>
  findById(organisation: Serial, id: Id): Promise<Firmware | undefined>
  findByFileAlias(fileAlias: string): Promise<Firmware | undefined>
  /** Library firmware only. */
  findByVersion(organisation: Serial, module: Serial, version: string): Promise<Firmware | undefined>
  update(serial: Serial, patch: Patch<Firmware>, ifRevision?: number): Promise<Firmware | undefined>
  /** Waits until no other transaction holds or changes the firmware, and keeps others from it until the end of this one. */
  lock(serial: Serial): Promise<void>
  /** Removes the firmware with its artifacts and its silent release. Throws `in-use` while something else refers to it. */
  delete(serial: Serial): Promise<void>
  list(filter: FirmwareFilter, slice: Slice): Promise<Firmware[]>
  /** As `list`, each with its primary artifact; one query. */
  listFiles(filter: FirmwareFilter, slice: Slice): Promise<FirmwareFile[]>
  count(filter: FirmwareFilter): Promise<number>
}

export interface ArtifactStore {
  insert(row: New<Artifact>): Promise<Artifact>
  find(serial: Serial): Promise<Artifact | undefined>
  /** Primary first. */
  listByFirmware(firmware: Serial): Promise<Artifact[]>
}

/** Which blobs the database knows, so that a blob without a reference can be collected and no other. */
export interface BlobRecordStore {
  /** Says that the bytes are about to be used; protects them from collection for the grace period. */
  touch(sha256: string, size: number, at: Millis): Promise<void>
  /** Digests touched before `before` to which no artifact and no data file refers. */
  listUnreferenced(before: Millis, limit: number): Promise<string[]>
  /** Deletes the record if it is still unreferenced and untouched since `before`; true when it did. Locks the row until commit. */
  deleteIfUnreferenced(sha256: string, before: Millis): Promise<boolean>
  isKnown(sha256: string): Promise<boolean>
}
