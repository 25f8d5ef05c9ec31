import { fork } from 'node:child_process'
import type { RawJob, RawResult } from '../baselines/raw-writer.ts'
import { baselineFile } from './bench.ts'

export interface RawWriter {
  run(job: RawJob): Promise<RawResult>
  stop(): void
}

/** The writer of raw rows in a process of its own. */
export function startRawWriter(): RawWriter {
  const child = fork(baselineFile('raw-writer.ts'), { serialization: 'advanced' })
  return {
    run: (job) =>
      new Promise((resolve, reject) => {
        child.once('message', (message: RawResult | { readonly error: string }) => {
          if ('error' in message) reject(new Error(`raw rows: ${message.error}`))
          else resolve(message)
        })
        child.send(job)
      }),
    stop: () => child.disconnect(),
  }
}
