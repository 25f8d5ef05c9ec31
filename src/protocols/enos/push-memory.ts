import { BoundedMap } from '../../core/bounded-map.ts'
import type { Millis, Serial } from '../../core/common.ts'

/** [enos 6] A session that stayed silent so long may be told again, ms. */
export const SILENCE_MS = 60_000

interface Told {
  readonly update: Serial
  readonly at: Millis
}

/**
 * Which session was told of which update, on this node and in bounded memory: a command is told once per attempt and
 * session, and again only after a silence, since the device's handler publishes within the call that told it and a
 * repeated command would nest.
 */
export class PushMemory {
  readonly #told: BoundedMap<string, Told>

  constructor(capacity: number) {
    this.#told = new BoundedMap(capacity)
  }

  /** Notes that a session publishes now, and answers whether it may be told of `update`. */
  mayTell(session: string, update: Serial, now: Millis): boolean {
    const told = this.#told.get(session)
    const isQuiet = told === undefined || told.update !== update || Math.abs(now - told.at) >= SILENCE_MS
    this.#told.set(session, { update, at: now })
    return isQuiet
  }
}
