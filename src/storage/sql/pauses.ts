import { setImmediate } from 'node:timers/promises'

/** Statements between two pauses. */
const STATEMENTS = 64

/**
 * To be called after each of many statements in a row: now and then lets the process do something else. A database in
 * the process blocks its thread, and devices that poll must not wait until a thousand rows are written.
 */
export function pauses(): () => Promise<void> {
  let statements = 0
  return async () => {
    statements += 1
    if (statements % STATEMENTS === 0) await setImmediate()
  }
}
