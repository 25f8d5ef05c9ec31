import type { Millis } from '../common.ts'
import type { Outcomes } from './tally.ts'

/** `1 device`, `1,200 devices`. */
export function devicesInWords(count: number): string {
  return count === 1 ? '1 device' : `${count.toLocaleString('en-US')} devices`
}

/** ISO 8601 in UTC. */
export function timeInWords(at: Millis): string {
  return new Date(at).toISOString()
}

/** `94.7 %`; never rounded up to the 100 that it is not. */
export function percentInWords(percent: number): string {
  return `${Math.floor(percent * 10) / 10} %`
}

const OUTCOME_WORDS = {
  succeeded: 'succeeded',
  failed: 'failed',
  'rolled-back': 'rolled back',
  delivered: 'delivered',
  cancelled: 'cancelled',
  superseded: 'superseded',
  open: 'under way',
} as const satisfies Record<keyof Outcomes, string>

/** `9 succeeded, 1 failed, 2 under way`; what is 0 is left out. */
export function outcomesInWords(outcomes: Outcomes): string {
  const parts = Object.entries(OUTCOME_WORDS).flatMap(([outcome, words]) => {
    const count = outcomes[outcome as keyof Outcomes]
    return count > 0 ? [`${count.toLocaleString('en-US')} ${words}`] : []
  })
  return parts.length > 0 ? parts.join(', ') : 'nothing granted yet'
}
