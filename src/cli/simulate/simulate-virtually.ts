import { fleetKinds } from '../../simulator/virtual/fleet-kinds.ts'
import { runSeeds } from '../../simulator/virtual/run-seeds.ts'
import { summarise } from '../../simulator/virtual/summary.ts'
import { EXIT } from '../exit.ts'
import { refuseAs } from '../options/refuse-as.ts'
import { note, printJson, printLines } from '../output/print.ts'
import { startProgress } from '../output/progress.ts'
import { blastRadiusReport } from './blast-radius-report.ts'
import { exportResults } from './export-results.ts'
import type { Simulation } from './simulate-options.ts'

export interface Wanted {
  readonly json: boolean
  /** A file. */
  readonly exportTo: string | undefined
  /** Seeds at one time; undefined: as many as there are processors. */
  readonly threads: number | undefined
  /** Virtual hours after which to give up. */
  readonly hours: number
}

/** The whole engine in memory and virtual time, once for each seed. */
export async function simulateVirtually(simulation: Simulation, wanted: Wanted): Promise<void> {
  const { mix, failures, choice, pollSeconds, seeds, words } = simulation
  const { hours, threads } = wanted
  const run = { kinds: fleetKinds(mix), failures, choice, hours, ...(pollSeconds !== undefined && { pollSeconds }) }
  const progress = startProgress('Simulating', mix.devices * seeds.length, 'devices')
  let done = 0
  const onProgress = (devices: number): void => {
    progress.add(devices - done)
    done = devices
  }
  const results = await runSeeds(run, seeds, { onProgress, ...(threads !== undefined && { threads }) })
    .finally(() => progress.stop())
    .catch(refuseAs({ invalid: EXIT.usage }))
  const summary = summarise(results)
  const everything = { simulation: { words, ...run, seeds }, summary, results }
  if (wanted.exportTo !== undefined) {
    await exportResults(wanted.exportTo, everything)
    note(`Written to ${wanted.exportTo}`)
  }
  if (wanted.json) printJson(everything)
  else printLines(blastRadiusReport(words, summary, results))
}
