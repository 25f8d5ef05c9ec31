// The load generator: a process of its own, so that its work is not counted as the server's.
import type { Job, LoadResult } from './job.ts'
import { runDownloads } from './run-downloads.ts'
import { runRequests } from './run-requests.ts'

process.on('message', async (job: Job) => {
  try {
    const before = process.cpuUsage()
    const result = job.kind === 'requests' ? await runRequests(job) : await runDownloads(job)
    const used = process.cpuUsage(before)
    process.send?.({ ...result, generatorSeconds: (used.user + used.system) / 1e6 } satisfies LoadResult)
  } catch (error) {
    process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
})
process.on('disconnect', () => process.exit())
