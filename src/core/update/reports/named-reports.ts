import type { DeviceGateway, ReportResult } from '../../device-gateway.ts'
import { isOtaError } from '../../errors.ts'
import { Gatherer } from '../../gatherer.ts'
import type { CoreLimits } from '../../limits.ts'
import type { Ports } from '../../ports.ts'
import { WaitingLimit } from '../../waiting-limit.ts'
import { leavesOpen } from './leaves-open.ts'
import { takeAlone } from './take-alone.ts'
import { type ReportCall, takeTogether } from './take-together.ts'

/** Reports that share a transaction. */
const TOGETHER = 256

/** Such transactions at one time: while the database works for one, the next reports are read. */
const TRANSACTIONS = 3

/**
 * Takes reports; see `DeviceGateway.reportAll`. What leaves updates open shares a transaction, and so a commit, with
 * what other devices report meanwhile; what may end one has a transaction of its own.
 */
export function createNamedReports(ports: Ports, limits: CoreLimits): DeviceGateway['reportAll'] {
  const { storage } = ports
  const by = { ...ports, limits }
  const waiting = new WaitingLimit(limits.waitingTransactions)
  const options = { most: TOGETHER, groups: TRANSACTIONS, weigh: ({ reports }: ReportCall) => reports.length }

  const together = new Gatherer<ReportCall, readonly ReportResult[]>(options, async (gather) => {
    try {
      const results = await storage.transaction((stores) => takeTogether(stores, by, gather()))
      return results.map((result, index) => result ?? alone(gather()[index]))
    } catch (error) {
      // What cannot be stored of one device must not be refused to the others.
      if (gather().length === 1 || isOfStorage(error)) throw error
      return gather().map(alone)
    }
  })

  async function alone(call: ReportCall | undefined): Promise<readonly ReportResult[]> {
    return call ? storage.transaction((stores) => takeAlone(stores, by, call)) : []
  }

  return (caller, via, reports) => {
    const call = { caller, via, reports }
    return leavesOpen(reports) ? waiting.run(() => together.add(call)) : alone(call)
  }
}

/** Whether the database failed, for whatever it would have been asked. */
function isOfStorage(error: unknown): boolean {
  return isOtaError(error, 'unavailable') || isOtaError(error, 'storage-full') || isOtaError(error, 'storage-failed')
}
