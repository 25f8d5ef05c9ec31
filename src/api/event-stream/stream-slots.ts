import type { Serial } from '../../core/common.ts'
import { OtaError } from '../../core/errors.ts'
import type { HttpLimits } from '../../protocols/http/limits.ts'

/** How soon a client that was turned away may ask again, seconds. */
const RETRY_SECONDS = 30

/** Counts the streams that are open, of this process and of each organisation. */
export class StreamSlots {
  readonly #limits: Pick<HttpLimits, 'eventStreams' | 'eventStreamsPerOrganisation'>
  readonly #byOrganisation = new Map<Serial, number>()
  #total = 0

  constructor(limits: Pick<HttpLimits, 'eventStreams' | 'eventStreamsPerOrganisation'>) {
    this.#limits = limits
  }

  /** Throws `too-many` when there is none left. Call what it answers once, when the stream has ended. */
  take(organisation: Serial): () => void {
    const open = this.#byOrganisation.get(organisation) ?? 0
    const { eventStreams, eventStreamsPerOrganisation } = this.#limits
    if (this.#total >= eventStreams)
      throw tooMany(`${eventStreams} streams of events are open, the most of this server.`)
    if (open >= eventStreamsPerOrganisation)
      throw tooMany(`${eventStreamsPerOrganisation} streams of events are open, the most of one organisation.`)
    this.#set(organisation, open + 1)
    return () => this.#set(organisation, (this.#byOrganisation.get(organisation) ?? 1) - 1)
  }

  #set(organisation: Serial, open: number): void {
    this.#total += open - (this.#byOrganisation.get(organisation) ?? 0)
    if (open > 0) this.#byOrganisation.set(organisation, open)
    else this.#byOrganisation.delete(organisation)
  }
}

function tooMany(message: string): OtaError {
  return new OtaError('too-many', message, { details: { retryAfterSeconds: RETRY_SECONDS } })
}
