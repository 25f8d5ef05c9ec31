import { randomBytes } from 'node:crypto'
import { REPORT_ROWS } from '../scenarios/report-life.ts'

/** A device whose reports are written past the server. */
export interface RawDevice {
  readonly serial: number
  readonly id: string
  readonly key: string
  /** Id of its open update. */
  readonly update: string
}

/** The rows that one report makes or changes. */
export interface RawReport {
  readonly once: { readonly key: string; readonly expiresAt: number }
  readonly update: {
    readonly id: string
    readonly state: string
    readonly progress: number
    readonly deadline: number
    readonly now: number
    readonly isMoved: boolean
  }
  readonly event?: {
    readonly id: string
    readonly at: number
    readonly type: string
    readonly actorId: string
    readonly actorName: string
    readonly subjectId: string
    readonly details: string
  }
}

/** Time-outs of the steps and the memory of reports, as the server's limits have them by default. */
const DAY_MS = 86_400_000
const INSTALLING_MS = 7_200_000

export function rawReport(device: RawDevice, turn: number): RawReport {
  const row = REPORT_ROWS[turn % REPORT_ROWS.length]
  if (!row) throw new Error('no such report')
  const now = Date.now()
  const { state, progress, before } = row
  const isMoved = before !== undefined
  const deadline = now + (state === 'installing' ? INSTALLING_MS : DAY_MS)
  const details = { before, after: state, via: 'native', device: device.id, to: ['1.1.0'] }
  return {
    once: { key: `${device.serial}/r${turn}`, expiresAt: now + DAY_MS },
    update: { id: device.update, state, progress, deadline, now, isMoved },
    ...(isMoved && {
      event: {
        id: Math.floor(now / 1000).toString(16) + randomBytes(8).toString('hex'),
        at: now,
        type: `update.${state}`,
        actorId: device.id,
        actorName: device.key,
        subjectId: device.update,
        details: JSON.stringify(details),
      },
    }),
  }
}
