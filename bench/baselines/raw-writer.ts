// Writes the rows of reports as fast as the database takes them: no HTTP, no rules. Told what to do by messages.

import { rawPostgres } from './raw-postgres.ts'
import { type RawDevice, rawReport } from './raw-rows.ts'
import { rawSqlite } from './raw-sqlite.ts'

export interface RawJob {
  readonly target: { readonly file: string } | { readonly url: string }
  readonly devices: readonly RawDevice[]
  /** Number of the first report; every device's first one comes before any second one. */
  readonly from: number
  readonly limit: number
  readonly seconds: number
}

export interface RawResult {
  readonly reports: number
  readonly seconds: number
}

/** As many as the clients of the server have under way at one time. */
const BATCH = 64

let write: ((reports: ReturnType<typeof rawReport>[]) => unknown) | undefined

async function run({ target, devices, from, limit, seconds }: RawJob): Promise<RawResult> {
  write ??= 'file' in target ? rawSqlite(target.file) : await rawPostgres(target.url)
  const batch = Math.min(BATCH, devices.length)
  const startedAt = performance.now()
  let reports = 0
  while (reports < limit && performance.now() - startedAt < seconds * 1000) {
    const rows = Array.from({ length: Math.min(batch, limit - reports) }, (_, index) => {
      const number = from + reports + index
      const device = devices[number % devices.length]
      if (!device) throw new Error('no devices')
      return rawReport(device, Math.floor(number / devices.length))
    })
    await write(rows)
    reports += rows.length
  }
  return { reports, seconds: (performance.now() - startedAt) / 1000 }
}

process.on('message', (job: RawJob) => {
  run(job).then(
    (result) => process.send?.(result),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.stack : String(error) }),
  )
})
process.on('disconnect', () => process.exit())
