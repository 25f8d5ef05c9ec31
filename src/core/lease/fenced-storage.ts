import { isOtaError, OtaError } from '../errors.ts'
import type { Storage } from '../ports.ts'
import type { Lease } from './lease.ts'

/**
 * The same storage for the holder of a lease: each transaction looks first whether the lease is still held, and keeps it
 * from being taken until the commit. A process that lost it (paused, cut off, its clock set) writes nothing any more:
 * `transaction` throws `unavailable` with `details.lease`.
 */
export function fencedStorage(storage: Storage, lease: Lease): Storage {
  return {
    read: storage.read,
    management: storage.management,
    invalidation: storage.invalidation,
    onChange: (listener) => storage.onChange(listener),
    check: () => storage.check(),
    close: () => storage.close(),
    transaction: (work) =>
      storage.transaction(async (stores) => {
        if (!(await stores.leases.isHeld(lease))) throw leaseLost(lease)
        return work(stores)
      }),
  }
}

/** Whether a job ended because another process holds its lease now. */
export function isLeaseLost(error: unknown): boolean {
  return isOtaError(error, 'unavailable') && 'lease' in error.details
}

function leaseLost({ name, token }: Lease): OtaError {
  return new OtaError('unavailable', `The lease of ${name} is not held any more`, { details: { lease: name, token } })
}
