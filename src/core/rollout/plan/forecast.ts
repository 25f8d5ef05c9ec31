import { Course } from './course.ts'
import type { Brake, ForecastInput } from './forecast-input.ts'

/** Beyond it a forecast says "more than a year", seconds. */
export const HORIZON_SECONDS = 365 * 86_400

/** The longest that a forecast is worked out, steps. */
const STEPS = 100_000

export interface Forecast {
  /** Seconds until so large a share of the devices was offered the release; null = never, or beyond the horizon. */
  readonly untilHalf: number | null
  readonly until95: number | null
  /** What most of the time goes into. */
  readonly brake: Brake
  /** How often somebody must approve on the way. */
  readonly approvals: number
  /** The stage, from 0 in the input, that the rollout cannot leave. */
  readonly stuck: { readonly stage: number; readonly kind: 'threshold' | 'window' } | null
}

/**
 * Follows a rollout through time, as if every device succeeded and everybody approved at once. Devices are a flow, not
 * one by one: when a stage begins, the share that has asked after some time is the share that was last seen no longer
 * ago than that; devices that were refused ask again after twice the median age. Deterministic and pure.
 */
export function forecast(input: ForecastInput): Forecast {
  const course = new Course(input)
  const reached: Array<number | null> = [null, null]
  for (let step = 0; step < STEPS && course.seconds < HORIZON_SECONDS && !course.isStuck; step++) {
    const { seconds, granted } = course
    course.step()
    for (const [index, share] of [0.5, 0.95].entries()) {
      const wanted = share * course.devices
      if (reached[index] !== null || course.granted < wanted || course.devices === 0) continue
      const part = course.granted > granted ? (wanted - granted) / (course.granted - granted) : 1
      reached[index] = seconds + Math.max(0, part) * (course.seconds - seconds)
    }
    if (reached[1] !== null || course.devices === 0) break
  }
  const [untilHalf = null, until95 = null] = reached
  return { untilHalf, until95, brake: course.brake, approvals: course.approvals, stuck: course.stuck }
}
