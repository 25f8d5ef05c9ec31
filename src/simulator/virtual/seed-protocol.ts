import type { ErrorCode } from '../../core/errors.ts'
import type { VirtualResult } from './virtual-result.ts'
import type { VirtualRun } from './virtual-rollout.ts'

/** A run without what makes it one of many; plain data, so that it can go to another thread. */
export type SeedRun = Omit<VirtualRun, 'seed' | 'onProgress'>

/** To a thread: run this. */
export interface SeedRequest {
  readonly seed: number
  readonly run: SeedRun
}

/** From a thread. */
export type SeedReply =
  | { readonly kind: 'progress'; readonly seed: number; readonly settled: number }
  | { readonly kind: 'result'; readonly result: VirtualResult }
  /** `code`: of core's refusals; absent for a fault. */
  | { readonly kind: 'failed'; readonly message: string; readonly code?: ErrorCode }
