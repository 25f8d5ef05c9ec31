import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { OtaError } from '../../core/errors.ts'
import type { SeedReply, SeedRequest, SeedRun } from './seed-protocol.ts'
import type { VirtualResult } from './virtual-result.ts'

export interface SeedsOptions {
  /** Seeds at one time, each in a thread of its own; default as many as the machine has processors. */
  readonly threads?: number
  /** Devices of all seeds that are done with so far: those that settled, and the rest of a fleet when its run has ended. */
  readonly onProgress?: (devices: number) => void
}

/** Runs the same rollout once for each seed; results in the order of the seeds. Throws what core refuses (`invalid`). */
export async function runSeeds(
  run: SeedRun,
  seeds: readonly number[],
  options: SeedsOptions = {},
): Promise<VirtualResult[]> {
  const devices = run.kinds.reduce((sum, kind) => sum + kind.devices, 0)
  const results: (VirtualResult | undefined)[] = seeds.map(() => undefined)
  const done = seeds.map(() => 0)
  const note = (index: number, count: number): void => {
    done[index] = count
    options.onProgress?.(done.reduce((sum, one) => sum + one, 0))
  }
  const waiting = seeds.entries()
  const lane = async (): Promise<void> => {
    const worker = startWorker(devices)
    try {
      for (const [index, seed] of waiting) {
        results[index] = await ask(worker, { seed, run }, (settled) => note(index, settled))
        note(index, devices)
      }
    } finally {
      await worker.terminate()
    }
  }
  const threads = Math.max(1, Math.min(options.threads ?? availableParallelism(), seeds.length))
  await Promise.all(Array.from({ length: threads }, lane))
  return results.filter((result) => result !== undefined)
}

/** A thread may hold more than a process by default: a million devices are some gigabytes. */
function startWorker(devices: number): Worker {
  // From the sources Node strips the types; from the build there are none.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return new Worker(new URL(`./seed-worker.${extension}`, import.meta.url), {
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 1_000 + devices / 150, maxYoungGenerationSizeMb: 64 },
  })
}

function ask(worker: Worker, request: SeedRequest, onSettled: (settled: number) => void): Promise<VirtualResult> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      worker.off('message', onMessage).off('error', onError)
    }
    const onError = (error: unknown): void => {
      end()
      reject(error)
    }
    const onMessage = (reply: SeedReply): void => {
      if (reply.kind === 'progress') onSettled(reply.settled)
      else end()
      if (reply.kind === 'result') resolve(reply.result)
      if (reply.kind === 'failed') reject(new OtaError(reply.code ?? 'internal', reply.message))
    }
    worker.on('message', onMessage).on('error', onError)
    worker.postMessage(request)
  })
}
