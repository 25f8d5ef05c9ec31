import type { Caller } from '../../device/device-store.ts'
import type { NamedReport, ReportResult } from '../../device-gateway.ts'
import { recordAll } from '../../event/record.ts'
import type { Stores } from '../../ports.ts'
import type { By } from '../move-update.ts'
import { claimName, REPORT_NAMES } from './report-names.ts'
import { UpdateDrafts } from './update-drafts.ts'

/** The reports of one call of a device. */
export interface ReportCall {
  readonly caller: Caller
  readonly via: string
  readonly reports: readonly NamedReport[]
}

/**
 * Takes what many devices report at once in a handful of statements, however many they are; only for reports that leave
 * updates open. The answers stand in the order of the calls; undefined for those that speak of what is not there or
 * somebody else is changing, of which nothing is taken: the others do not wait for them.
 */
export async function takeTogether(
  stores: Stores,
  by: By,
  calls: readonly ReportCall[],
): Promise<Array<readonly ReportResult[] | undefined>> {
  const ids = new Set(calls.flatMap(({ reports }) => reports.map(({ update }) => update)))
  const drafts = new UpdateDrafts(by, await stores.updates.lockByIds([...ids]))
  const isReady = ({ reports }: ReportCall) => reports.every(({ update }) => drafts.has(update))
  const unclaimed = await claimNames(stores, by, calls.filter(isReady))
  const results = calls.map((call) =>
    isReady(call)
      ? call.reports.map((report): ReportResult => {
          // Once for each name: the same report may stand here twice.
          const isFirst = unclaimed.delete(claimName(call.caller, report))
          return isFirst ? drafts.take(call, report) : { kind: 'duplicate' }
        })
      : undefined,
  )
  const advances = drafts.advances()
  if (advances.length > 0) await stores.updates.advanceAll(advances)
  if (drafts.happenings.length > 0) await recordAll(stores, by, drafts.happenings)
  return results
}

/** The names that were not known before. */
async function claimNames({ once }: Stores, by: By, calls: readonly ReportCall[]): Promise<Set<string>> {
  if (calls.length === 0) return new Set()
  const names = new Set(calls.flatMap(({ caller, reports }) => reports.map((report) => claimName(caller, report))))
  const now = by.clock.now()
  const times = { now, expiresAt: now + by.limits.reportMemorySeconds * 1000 }
  return new Set(await once.claimAll(REPORT_NAMES, [...names], times))
}
