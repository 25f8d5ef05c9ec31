import type { Caller } from '../../device/device-store.ts'
import type { NamedReport } from '../../device-gateway.ts'

/** What claims of report names are kept under. */
export const REPORT_NAMES = 'report'

/** The name of a report as it is claimed: devices name their reports without regard to each other. */
export function claimName({ serial }: Pick<Caller, 'serial'>, { name }: NamedReport): string {
  return `${serial}/${name}`
}
