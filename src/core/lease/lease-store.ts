import type { Lease } from './lease.ts'

/** Leases of jobs. Time is the database's clock alone: nodes need not agree on theirs. */
export interface LeaseStore {
  /**
   * Those of `names` that could be taken for `ms`: never taken, given back, or over. One that lasts longer than twice
   * `ms` from now counts as over: the clock of the database was set back.
   */
  listFree(names: readonly string[], ms: number): Promise<string[]>
  /** Takes a lease that is free, in one statement, under a larger token. undefined when it is not free. */
  take(name: string, holder: string, ms: number): Promise<Lease | undefined>
  /** Lets a lease last `ms` from now. False when it was over or another's already; nothing is changed then. */
  renew(lease: Lease, ms: number): Promise<boolean>
  /** Gives a lease back at once. Nothing happens when it is another's already. */
  release(lease: Lease): Promise<void>
  /** Whether a lease is held. Inside a transaction it then stays so until the end: nobody can take it before. */
  isHeld(lease: Lease): Promise<boolean>
}
