import type { Clock } from '../../core/ports.ts'

/** What is no step: the clock is slewed, or the process was busy between two looks. */
const TOLERANCE_MS = 30_000
/** A step so soon after the start is a clock that was just set (no battery, NTP came late): it is believed at once. */
const SETTLING_MS = 60_000

export interface SteadyClockOptions {
  /** Epoch milliseconds of the system, which somebody may set at any time. */
  readonly wall: () => number
  /** Milliseconds that only ever grow, at the pace of time. */
  readonly monotonic: () => number
  /** A step is believed once it has lasted so long, ms. */
  readonly believeAfterMs: number
  /** A step was noticed: `byMs`, negative when the clock was set back; and what became of it. */
  readonly onStep?: (byMs: number, what: 'held back' | 'believed' | 'taken back') => void
}

/**
 * The system's clock, without its accidents: a step of more than half a minute is held back until it has lasted a while,
 * and forgotten when it is corrected before. Meanwhile time goes on as it went. So a clock that is an hour ahead for
 * some minutes ends no update, opens no window and invalidates no token.
 */
export function steadyClock({ wall, monotonic, believeAfterMs, onStep = () => undefined }: SteadyClockOptions): Clock {
  const startedAt = monotonic()
  /** What the wall shows beyond the monotonic clock, as far as it is believed. */
  let offset = wall() - startedAt
  let step: { readonly since: number; byMs: number } | undefined

  function believe(byMs: number): void {
    offset += byMs
    step = undefined
  }
  return {
    now() {
      const steady = monotonic()
      const shown = wall()
      const byMs = shown - steady - offset
      if (Math.abs(byMs) <= TOLERANCE_MS) {
        if (step) onStep(step.byMs, 'taken back')
        believe(byMs)
        return shown
      }
      if (step === undefined || Math.abs(step.byMs - byMs) > TOLERANCE_MS) {
        step = { since: steady, byMs }
        if (steady - startedAt > SETTLING_MS && believeAfterMs > 0) onStep(byMs, 'held back')
      }
      if (steady - startedAt <= SETTLING_MS || steady - step.since >= believeAfterMs) {
        onStep(byMs, 'believed')
        believe(byMs)
        return shown
      }
      return Math.floor(steady + offset)
    },
  }
}
