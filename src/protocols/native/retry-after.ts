import { hash } from 'node:crypto'
import type { Millis } from '../../core/common.ts'
import type { NoneBecause } from '../../core/decide/decision.ts'
import type { NativeConfig } from './config.ts'
import type { Standing } from './standing.ts'

/** A number from 0 to 1 (exclusive) that is the device's own for ever. */
export function fractionOf(deviceId: string): number {
  return Number.parseInt(hash('sha256', deviceId).slice(0, 8), 16) / 2 ** 32
}

export interface Asked {
  readonly standing: Standing
  readonly deviceId: string
  readonly now: Millis
  /** The device said that energy or traffic is dear. */
  readonly isSaving: boolean
}

/** When the device should ask again, seconds. [native 3.3] */
export function retryAfter(asked: Asked, config: NativeConfig): number {
  const { standing, now } = asked
  if (standing.kind !== 'none') return config.underWaySeconds
  const spread = (config.jitterPercent / 100) * (2 * fractionOf(asked.deviceId) - 1)
  const usual = Math.max(1, Math.round(config.checkSeconds * (asked.isSaving ? config.savingFactor : 1) * (1 + spread)))
  const until = changesAt(standing.because)
  return until === undefined ? usual : Math.min(usual, Math.max(1, Math.ceil((until - now) / 1000)))
}

/** When the answer changes by itself; undefined where nobody knows. */
export function changesAt(because: NoneBecause): Millis | undefined {
  switch (because.kind) {
    case 'retry-later':
    case 'spread-out':
    case 'penalty-box':
      return because.until
    case 'window-closed':
      return because.opensAt ?? undefined
    default:
      return undefined
  }
}
