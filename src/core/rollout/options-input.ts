import { requireWhole } from '../validate.ts'
import type { RetryPolicy, RolloutOptions } from './rollout.ts'
import { requireZone } from './schedule/parse-window.ts'

/** Whatever is left out has a default. */
export type OptionsInput = Partial<Omit<RolloutOptions, 'retry'>> & { readonly retry?: Partial<RetryPolicy> }

export const DEFAULT_OPTIONS: RolloutOptions = {
  timeZone: 'UTC',
  allowDowngrade: false,
  retry: { attempts: 3, pauseSeconds: 60, steady: false },
  timeOuts: null,
  pull: true,
  ignorePenalty: false,
  staysOpen: false,
}

/** The options as they are stored. */
export function optionsFrom(input: OptionsInput = {}): RolloutOptions {
  const { retry = {}, ...given } = input
  const options = { ...DEFAULT_OPTIONS, ...given, retry: { ...DEFAULT_OPTIONS.retry, ...retry } }
  return {
    ...options,
    timeZone: requireZone('options.timeZone', options.timeZone),
    retry: {
      ...options.retry,
      attempts: requireWhole('options.retry.attempts', options.retry.attempts, [1, 100]),
      pauseSeconds: requireWhole('options.retry.pauseSeconds', options.retry.pauseSeconds, [0, 30 * 86_400]),
    },
  }
}
