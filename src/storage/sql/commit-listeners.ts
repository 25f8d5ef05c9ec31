import type { Change, ChangeListener, ChangeOrigin } from '../../core/ports.ts'

/** Who wants to know what was committed. */
export class CommitListeners {
  readonly #listeners: ChangeListener[] = []

  add(listener: ChangeListener): void {
    this.#listeners.push(listener)
  }

  /** Never throws: what is committed is committed. A listener that does is a bug and ends the process as one. */
  notify(changes: readonly Change[], origin: ChangeOrigin): void {
    if (changes.length === 0) return
    for (const listener of this.#listeners) {
      try {
        listener(changes, origin)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
