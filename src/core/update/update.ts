import type { Entity, Millis, Serial } from '../common.ts'

export const OPEN_STATES = ['pending', 'offered', 'downloading', 'downloaded', 'installing', 'cancelling'] as const
export const CLOSED_STATES = ['succeeded', 'failed', 'rolled-back', 'cancelled', 'superseded', 'delivered'] as const

export type OpenState = (typeof OPEN_STATES)[number]
export type ClosedState = (typeof CLOSED_STATES)[number]
export type UpdateState = OpenState | ClosedState

/** One module's part of an update. */
export interface ModuleStep {
  readonly module: Serial | null
  readonly firmware: Serial
  /** Version that ran when the update was granted; null = unknown. */
  readonly from: string | null
  readonly to: string
}

/** One device moving to a release. At most one is open per device, whatever the protocol. */
export interface Update extends Entity {
  readonly organisation: Serial
  readonly device: Serial
  readonly release: Serial
  /** The assignment that asked for it; null when the device chose from a catalogue. */
  readonly assignment: Serial | null
  /** The protocol through which it runs. */
  readonly via: string
  readonly state: UpdateState
  /** 1 for the first try of this release under this assignment. */
  readonly attempt: number
  /** Percent 0..100 as reported; negative = the device's own failure code. */
  readonly progress: number
  /** The device's or the engine's words for the state; `` when none. */
  readonly reason: string
  readonly steps: readonly ModuleStep[]
  readonly changedAt: Millis
  readonly closedAt: Millis | null
  /** With protocols that report nothing: becomes `succeeded` at this time unless the bytes are fetched again. */
  readonly confirmAfter: Millis | null
}

export function isOpen(state: UpdateState): state is OpenState {
  return (OPEN_STATES as readonly string[]).includes(state)
}
