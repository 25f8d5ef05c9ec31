import type { Entity, Millis, Serial } from '../common.ts'

/** A file that a device sent: a log, a trace. */
export interface DataFile extends Entity {
  readonly organisation: Serial
  readonly device: Serial
  readonly type: string
  readonly module: Serial | null
  /** null until the content was uploaded. */
  readonly sha256: string | null
  /** Bytes; 0 until uploaded. */
  readonly size: number
  readonly uploadedAt: Millis | null
}
