import type { VirtualResult } from './virtual-result.ts'

/** What many seeds of one rollout have in common. */
export interface Summary {
  readonly seeds: number
  /** Devices of one fleet. */
  readonly devices: number
  readonly medianReached: number
  readonly mostReached: number
  /** Seeds in which the rollout was stopped as a whole, and in which anything was. */
  readonly stopped: number
  readonly stoppedInPart: number
  /** Of the stopped ones; null when there are none. */
  readonly medianHoursToStop: number | null
  /** Seeds in which 95 % of the fleet settled, and their hours; null when there are none. */
  readonly spread: number
  readonly medianHoursTo95: number | null
  readonly mostHoursTo95: number | null
}

/** Of at least one result. */
export function summarise(results: readonly VirtualResult[]): Summary {
  const reached = results.map((result) => result.reached)
  const stopped = results.filter((result) => result.stopped)
  const hours = results.flatMap(({ hoursTo95 }) => hoursTo95 ?? [])
  return {
    seeds: results.length,
    devices: results[0]?.devices ?? 0,
    medianReached: median(reached) ?? 0,
    mostReached: Math.max(...reached),
    stopped: stopped.length,
    stoppedInPart: results.filter((result) => result.stopped || result.stoppedCohorts.length > 0).length,
    medianHoursToStop: median(stopped.map((result) => result.hours)),
    spread: hours.length,
    medianHoursTo95: median(hours),
    mostHoursTo95: hours.length === 0 ? null : Math.max(...hours),
  }
}

/** The lower one of two in the middle; null of nothing. */
function median(values: readonly number[]): number | null {
  return values.toSorted((left, right) => left - right)[(values.length - 1) >> 1] ?? null
}
