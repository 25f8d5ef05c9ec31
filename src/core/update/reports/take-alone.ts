import { storeRunning } from '../../device/check-in.ts'
import { deviceActor, loadDeviceFacts } from '../../device/device-facts.ts'
import type { Caller } from '../../device/device-store.ts'
import type { NamedReport, ReportResult } from '../../device-gateway.ts'
import type { Stores } from '../../ports.ts'
import type { ServiceDeps } from '../../service.ts'
import { moveUpdate } from '../move-update.ts'
import { noteProgress } from '../note-progress.ts'
import { isOpen, type Update } from '../update.ts'
import { newsOf } from './news-of.ts'
import { claimName, REPORT_NAMES } from './report-names.ts'
import type { ReportCall } from './take-together.ts'

/** Takes the reports of one call, one after the other, of whatever kind they are. */
export async function takeAlone(stores: Stores, deps: ServiceDeps, call: ReportCall): Promise<ReportResult[]> {
  const { caller, reports } = call
  const results: ReportResult[] = []
  for (const report of reports) {
    const now = deps.clock.now()
    const times = { now, expiresAt: now + deps.limits.reportMemorySeconds * 1000 }
    const isFirst = await stores.once.claim(REPORT_NAMES, claimName(caller, report), times)
    results.push(isFirst ? await take(stores, deps, call, report) : { kind: 'duplicate' })
  }
  return results
}

async function take(
  stores: Stores,
  deps: ServiceDeps,
  { caller, via }: ReportCall,
  report: NamedReport,
): Promise<ReportResult> {
  const find = () => stores.updates.findById(caller.organisation, report.update)
  const before = await find()
  // What runs is a fact, whatever becomes of the report.
  if (report.running) await storeReported(stores, deps, caller, report.running)
  if (before?.device !== caller.serial || before.via !== via) return { kind: 'ignored', because: 'no-such-update' }
  if (!isOpen(before.state)) return { kind: 'ignored', because: 'closed', state: before.state }
  const proven = report.running ? ((await find()) ?? before) : before
  if (!isOpen(proven.state)) return { kind: 'accepted', state: proven.state }
  return takeSteps(stores, deps, caller, { report, update: proven })
}

async function storeReported(
  stores: Stores,
  deps: ServiceDeps,
  { serial }: Caller,
  running: Readonly<Record<string, string>>,
): Promise<void> {
  const facts = await loadDeviceFacts(stores, serial)
  if (facts) await storeRunning(stores, deps, facts, running)
}

async function takeSteps(
  stores: Stores,
  deps: ServiceDeps,
  caller: Caller,
  what: { report: NamedReport; update: Update },
): Promise<ReportResult> {
  const { report } = what
  const actor = deviceActor(caller)
  const facts = report.at === undefined ? {} : { facts: { reportedAt: report.at } }
  let update = what.update
  let hasMoved = false
  for (const one of report.steps) {
    const moved = await moveUpdate(stores, deps, update, { ...one, actor, ...facts })
    if (moved) [update, hasMoved] = [moved, true]
  }
  if (hasMoved) return { kind: 'accepted', state: update.state }
  const news = newsOf(report, update)
  if (news && (await noteProgress(stores, deps, update, news))) return { kind: 'accepted', state: update.state }
  // Somebody else may have moved it since it was read.
  const { state } = (await stores.updates.find(update.serial)) ?? update
  return { kind: 'ignored', because: isOpen(state) ? 'late' : 'closed', state }
}
