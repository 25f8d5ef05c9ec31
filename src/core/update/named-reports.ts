import { storeRunning } from '../device/check-in.ts'
import { type DeviceFacts, deviceActor, loadDeviceFacts } from '../device/device-facts.ts'
import type { DeviceGateway, NamedReport, ReportResult } from '../device-gateway.ts'
import type { CoreLimits } from '../limits.ts'
import type { Ports, Stores } from '../ports.ts'
import { moveUpdate } from './move-update.ts'
import { isOfStep, noteProgress } from './note-progress.ts'
import { isOpen, type Update } from './update.ts'

/** What claims of report names are kept under. */
const PURPOSE = 'report'

/** Takes a batch of reports in one transaction; see `DeviceGateway.reportAll`. */
export function createNamedReports(ports: Ports, limits: CoreLimits): DeviceGateway['reportAll'] {
  const { storage, clock } = ports
  const deps = { ...ports, limits }

  async function isFirst(stores: Stores, facts: DeviceFacts, report: NamedReport): Promise<boolean> {
    const now = clock.now()
    const times = { now, expiresAt: now + limits.reportMemorySeconds * 1000 }
    return stores.once.claim(PURPOSE, `${facts.device.serial}/${report.name}`, times)
  }

  async function take(stores: Stores, known: DeviceFacts, by: By): Promise<ReportResult> {
    const { report, via } = by
    const { device } = known
    const find = () => stores.updates.findById(device.organisation, report.update)
    const before = await find()
    // What runs is a fact, whatever becomes of the report.
    if (report.running) await storeRunning(stores, deps, await reload(stores, known), report.running)
    if (before?.device !== device.serial || before.via !== via) return { kind: 'ignored', because: 'no-such-update' }
    if (!isOpen(before.state)) return { kind: 'ignored', because: 'closed', state: before.state }
    const proven = report.running ? ((await find()) ?? before) : before
    if (!isOpen(proven.state)) return { kind: 'accepted', state: proven.state }
    return step(stores, known, { report, update: proven })
  }

  async function step(
    stores: Stores,
    known: DeviceFacts,
    what: { report: NamedReport; update: Update },
  ): Promise<ReportResult> {
    const { report } = what
    const actor = deviceActor(known.device)
    const facts = report.at === undefined ? {} : { facts: { reportedAt: report.at } }
    let update = what.update
    let hasMoved = false
    for (const one of report.steps) {
      const moved = await moveUpdate(stores, deps, update, { ...one, actor, ...facts })
      if (moved) [update, hasMoved] = [moved, true]
    }
    if (hasMoved) return { kind: 'accepted', state: update.state }
    const news = newsOf(report, update)
    return news && (await noteProgress(stores, deps, update, news))
      ? { kind: 'accepted', state: update.state }
      : { kind: 'ignored', because: 'late', state: update.state }
  }

  return (known, via, reports) =>
    storage.transaction(async (stores) => {
      const results: ReportResult[] = []
      for (const report of reports)
        results.push((await isFirst(stores, known, report)) ? await take(stores, known, { report, via }) : DUPLICATE)
      return results
    })
}

interface By {
  readonly report: NamedReport
  readonly via: string
}

const DUPLICATE: ReportResult = { kind: 'duplicate' }

/** What a report says of the step at which the update stands already. */
function newsOf(report: NamedReport, update: Update): { progress: number; reason?: string } | undefined {
  const last = report.steps.at(-1)
  if (last?.progress === undefined || !isOfStep(update, last.trigger)) return undefined
  return { progress: last.progress, ...(last.reason !== undefined && { reason: last.reason }) }
}

async function reload(stores: Stores, known: DeviceFacts): Promise<DeviceFacts> {
  return (await loadDeviceFacts(stores, known.device.serial)) ?? known
}
