import { writeFile } from 'node:fs/promises'
import { stringify } from 'csv-stringify/sync'
import type { VirtualResult } from '../../simulator/virtual/virtual-result.ts'

/** Writes results to a file: one line for each seed when its name ends in `.csv`, else everything as JSON. */
export async function exportResults(
  file: string,
  everything: { readonly results: readonly VirtualResult[] },
): Promise<void> {
  if (file.endsWith('.csv')) await writeFile(file, csvOf(everything.results))
  else await exportJson(file, everything)
}

export async function exportJson(file: string, value: object): Promise<void> {
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`)
}

function csvOf(results: readonly VirtualResult[]): string {
  const rows = results.map((result) => ({
    seed: result.seed,
    devices: result.devices,
    reached: result.reached,
    answers: result.answers,
    stopped: String(result.stopped),
    hours: result.hours.toFixed(4),
    hours_to_95: result.hoursTo95?.toFixed(4) ?? '',
    succeeded: result.outcomes.succeeded,
    failed: result.outcomes.failed + result.outcomes['rolled-back'],
    excluded: result.stoppedCohorts.map(({ cohort }) => cohort).join('; '),
    why: result.why ?? '',
  }))
  return stringify(rows, { header: true })
}
