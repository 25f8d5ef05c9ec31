import type { Entity, Millis, Serial } from '../common.ts'

/** One release pinned to one device or group by an operator; upserted, keeps its id. */
export interface Assignment extends Entity {
  readonly organisation: Serial
  /** Exactly one of device and group is set. */
  readonly device: Serial | null
  readonly group: Serial | null
  readonly release: Serial
  /** When the release was last (re)assigned. */
  readonly assignedAt: Millis
}
