import { parentPort } from 'node:worker_threads'
import { type ErrorCode, isOtaError } from '../../core/errors.ts'
import type { SeedReply, SeedRequest } from './seed-protocol.ts'
import { runVirtually } from './virtual-rollout.ts'

/** The thread of `runSeeds`: one run after the other. */
parentPort?.on('message', ({ seed, run }: SeedRequest) => {
  const say = (reply: SeedReply) => parentPort?.postMessage(reply)
  const onProgress = throttled((settled) => say({ kind: 'progress', seed, settled }))
  runVirtually({ ...run, seed, onProgress: ({ settled }) => onProgress(settled) }).then(
    (result) => say({ kind: 'result', result }),
    (error: unknown) => say({ kind: 'failed', ...failureOf(error) }),
  )
})

function failureOf(error: unknown): { message: string; code?: ErrorCode } {
  if (isOtaError(error)) return { message: error.message, code: error.code }
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error) }
}

/** Ten times a second is enough for a bar. */
function throttled(say: (settled: number) => void): (settled: number) => void {
  let saidAt = 0
  return (settled) => {
    if (performance.now() - saidAt < 100) return
    saidAt = performance.now()
    say(settled)
  }
}
