import type { NamedReport } from '../../device-gateway.ts'
import { isOfStep, type StepNews } from '../note-progress.ts'
import type { Update } from '../update.ts'

/** What a report says of the step at which the update stands already. */
export function newsOf(report: NamedReport, update: Update): StepNews | undefined {
  const last = report.steps.at(-1)
  if (last?.progress === undefined || !isOfStep(update, last.trigger)) return undefined
  return { progress: last.progress, ...(last.reason !== undefined && { reason: last.reason }) }
}
