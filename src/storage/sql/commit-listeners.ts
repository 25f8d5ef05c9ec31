import type { Change } from '../../core/ports.ts'
import type { ChangeLog } from './change-log.ts'

/** Who wants to know what was committed. */
export class CommitListeners {
  readonly #listeners: Array<(changes: readonly Change[]) => void> = []

  add(listener: (changes: readonly Change[]) => void): void {
    this.#listeners.push(listener)
  }

  /** Never throws: what is committed is committed. A listener that does is a bug and ends the process as one. */
  notify(log: ChangeLog): void {
    const changes = log.list()
    if (changes.length === 0) return
    for (const listener of this.#listeners) {
      try {
        listener(changes)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
