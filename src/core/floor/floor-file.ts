import type { FirmwareFile } from '../firmware/firmware.ts'
import type { Release } from '../release/release.ts'
import type { Floor } from './floor.ts'

/** A floor with what is handed out to reach it. */
export interface FloorFile {
  readonly floor: Floor
  readonly file: FirmwareFile
  /** The release of its firmware alone; absent until it was first granted. */
  readonly release?: Release
}
