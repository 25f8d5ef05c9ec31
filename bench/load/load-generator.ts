import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Job, LoadResult } from './job.ts'

export interface LoadGenerator {
  /** One job at a time. Throws when a single request failed: a figure over failures is none. */
  run(job: Job): Promise<LoadResult>
  stop(): void
}

/** Starts the load generator. */
export function startGenerator(): LoadGenerator {
  const child: ChildProcess = fork(fileURLToPath(new URL('./generator.ts', import.meta.url)), {
    serialization: 'advanced',
  })
  const died = once(child, 'exit').then(() => Promise.reject(new Error('the load generator ended')))
  died.catch(() => undefined)
  return {
    async run(job) {
      const answer = new Promise<LoadResult | { readonly error: string }>((resolve) => {
        child.once('message', (message) => resolve(message as LoadResult))
      })
      child.send(job)
      const result = await Promise.race([answer, died])
      if ('error' in result) throw new Error(`load generator: ${result.error}`)
      if (result.failures > 0)
        throw new Error(`${result.failures} of ${result.requests} requests failed: ${result.firstFailure}`)
      if (result.requests === 0) throw new Error('not one request was answered')
      return result
    },
    stop: () => child.disconnect(),
  }
}
