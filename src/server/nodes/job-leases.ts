import { fencedStorage } from '../../core/lease/fenced-storage.ts'
import type { Lease } from '../../core/lease/lease.ts'
import type { ServiceDeps } from '../../core/service.ts'
import type { LeaseKeeper } from './lease-keeper.ts'

/** What a job may work with: everything, as the one process that does it. */
export interface Turn {
  readonly deps: ServiceDeps
  /** False once this process may not believe any more that it is the one. */
  isCurrent(): boolean
}

/** Which jobs this process may do. */
export interface JobLeases {
  /** A turn of a job; undefined while another process does it. The same object as long as nothing changed. */
  turn(name: string): Turn | undefined
  /** Lets other processes do these jobs from now on. */
  release(names: readonly string[]): Promise<void>
}

/** Where no other process writes, every job is its own, and nothing is asked. */
export function soleLeases(deps: ServiceDeps): JobLeases {
  const turn: Turn = { deps, isCurrent: () => true }
  return { turn: () => turn, release: async () => undefined }
}

/** Jobs of one node among many: whatever they write is fenced by their leases. */
export function sharedLeases(deps: ServiceDeps, keeper: LeaseKeeper): JobLeases {
  const turns = new Map<string, { readonly lease: Lease; readonly turn: Turn }>()
  return {
    turn(name) {
      const lease = keeper.current(name)
      if (!lease) return undefined
      const known = turns.get(name)
      if (known?.lease === lease) return known.turn
      const isCurrent = () => keeper.current(name) === lease
      const turn = { deps: { ...deps, storage: fencedStorage(deps.storage, lease) }, isCurrent }
      turns.set(name, { lease, turn })
      return turn
    },
    release: (names) => keeper.release(names),
  }
}
