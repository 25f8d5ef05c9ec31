import { DEFAULT_CORE_LIMITS } from '../../core/limits.ts'
import type { Clock } from '../../core/ports.ts'
import type { Config } from '../config/settings.ts'
import { type SteadyClockOptions, steadyClock } from './steady-clock.ts'

/** The system's clock as it is, for what must agree with others' clocks at this moment. */
export const systemClock: Clock = { now: () => Date.now() }

/** The system's clock, with its steps held back as configured. */
export function configuredClock(config: Pick<Config, 'limits'>, onStep?: SteadyClockOptions['onStep']): Clock {
  return steadyClock({
    wall: () => Date.now(),
    monotonic: () => performance.now(),
    believeAfterMs: (config.limits?.['clockStepSeconds'] ?? DEFAULT_CORE_LIMITS.clockStepSeconds) * 1000,
    ...(onStep && { onStep }),
  })
}
