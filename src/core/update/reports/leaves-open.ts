import type { NamedReport, StepReport } from '../../device-gateway.ts'
import { TRANSITIONS } from '../transitions.ts'
import { isOpen, OPEN_STATES } from '../update.ts'

/** Whether no report of them can end an update, whatever its state: most are of that kind. */
export function leavesOpen(reports: readonly NamedReport[]): boolean {
  return reports.every(({ running, steps }) => running === undefined && steps.every(({ trigger }) => MILD.has(trigger)))
}

const TRIGGERS: readonly StepReport['trigger'][] = [
  'download',
  'downloaded',
  'install',
  'fail',
  'roll-back',
  'acknowledge-cancel',
]

/** What no open state takes to an end. */
const MILD: ReadonlySet<StepReport['trigger']> = new Set(
  TRIGGERS.filter((trigger) => OPEN_STATES.every((state) => isOpen(TRANSITIONS[state][trigger] ?? state))),
)
