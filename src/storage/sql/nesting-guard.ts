import { AsyncLocalStorage } from 'node:async_hooks'
import { OtaError } from '../../core/errors.ts'

/** Turns a transaction inside a transaction, which would wait for itself for ever, into an error. */
export class NestingGuard {
  readonly #open = new AsyncLocalStorage<{ isOpen: boolean }>()

  /** Rejects with `internal` when called from inside work that has not ended. */
  async check<T>(transaction: () => Promise<T>): Promise<T> {
    if (this.#open.getStore()?.isOpen) throw new OtaError('internal', 'A transaction inside a transaction')
    return transaction()
  }

  async within<T>(work: () => Promise<T>): Promise<T> {
    const scope = { isOpen: true }
    try {
      return await this.#open.run(scope, work)
    } finally {
      scope.isOpen = false
    }
  }
}
