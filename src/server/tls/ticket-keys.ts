import { hkdfSync } from 'node:crypto'
import type { Millis } from '../../core/common.ts'

const DAY_MS = 86_400_000
const NAME_BYTES = 16
const AES_BYTES = 16
const HMAC_BYTES = 32

/** What one day's session tickets are sealed with. */
export interface TicketKey {
  /** Stands in clear in each ticket. */
  readonly name: Buffer
  readonly aes: Buffer
  readonly hmac: Buffer
}

/**
 * The keys of session tickets, made from a secret and the date (UTC), so that any number of servers that share the secret
 * take each other's tickets without talking. The key of the day seals; yesterday's still opens, and tomorrow's too, for a
 * server whose clock is ahead. Keys of other days are forgotten.
 */
export class TicketKeys {
  readonly #secret: Uint8Array
  readonly #now: () => Millis
  #days: ReadonlyArray<{ readonly day: number; readonly key: TicketKey }> = []

  constructor(secret: Uint8Array, now: () => Millis) {
    this.#secret = secret
    this.#now = now
  }

  current(): TicketKey {
    const day = this.#today()
    return this.#of(day).find((one) => one.day === day)?.key ?? this.#make(day)
  }

  /** The key of a ticket, and whether it is the one that seals now. undefined when it is too old, or not one of ours. */
  find(name: Uint8Array): { readonly key: TicketKey; readonly isCurrent: boolean } | undefined {
    const day = this.#today()
    const found = this.#of(day).find(({ key }) => key.name.equals(name))
    return found && { key: found.key, isCurrent: found.day === day }
  }

  #today(): number {
    return Math.floor(this.#now() / DAY_MS)
  }

  #of(day: number): ReadonlyArray<{ readonly day: number; readonly key: TicketKey }> {
    if (this.#days[0]?.day !== day)
      this.#days = [day, day - 1, day + 1].map((one) => ({ day: one, key: this.#make(one) }))
    return this.#days
  }

  #make(day: number): TicketKey {
    const bytes = Buffer.from(
      hkdfSync('sha256', this.#secret, 'godwit', `tls-ticket/${day}`, NAME_BYTES + AES_BYTES + HMAC_BYTES),
    )
    return {
      name: bytes.subarray(0, NAME_BYTES),
      aes: bytes.subarray(NAME_BYTES, NAME_BYTES + AES_BYTES),
      hmac: bytes.subarray(NAME_BYTES + AES_BYTES),
    }
  }
}
