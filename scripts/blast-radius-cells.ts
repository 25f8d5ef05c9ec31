import { type Measured, median } from '../src/core/rollout/health/testing/scenarios.ts'

/** What the cells are made of; a measured run of the gate alone is one. */
export type Run = Pick<Measured, 'reached' | 'stopped' | 'hours' | 'hoursTo95' | 'reachedRare' | 'stoppedCohorts'>

/** One cell of a bad release: how far it came, and what became of it. */
export function reachOf(runs: readonly Run[]): string {
  const reached = runs.map((run) => run.reached)
  const stopped = runs.filter((run) => run.stopped)
  const when = stopped.length === 0 ? '' : `, ${hours(median(stopped.map((run) => run.hours)))}`
  return `${number(median(reached))} / ${number(most(reached))} (${share(stopped.length, runs.length)}${when})`
}

/** Of a bad hardware revision: devices of it. */
export function rareOf(runs: readonly Run[]): string {
  const reached = runs.map((run) => run.reachedRare)
  const wentOn = runs.filter((run) => !run.stopped).length
  return `${number(median(reached))} / ${number(most(reached))} (rollout went on ${share(wentOn, runs.length)})`
}

/** Of a good release: whether it was stopped, and how fast it was. */
export function goodOf(runs: readonly Run[]): string {
  const wrong = runs.filter((run) => run.stopped || run.stoppedCohorts.length > 0).length
  const times = runs.filter((run) => !run.stopped).map((run) => run.hoursTo95)
  const spread = times.length === 0 ? 'never' : `${hours(median(times))} / ${hours(most(times))}`
  return `${share(wrong, runs.length)} wrongly stopped; 95 % after ${spread}`
}

export function number(value: number): string {
  return value.toLocaleString('en-US')
}

function most(values: readonly number[]): number {
  return Math.max(...values)
}

function hours(value: number): string {
  return Number.isFinite(value) ? `${value.toFixed(1)} h` : 'never'
}

function share(count: number, all: number): string {
  return `${Number(((100 * count) / all).toFixed(1))} %`
}
