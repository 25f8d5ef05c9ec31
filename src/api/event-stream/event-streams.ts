import type { FastifyReply } from 'fastify'
import { OtaError } from '../../core/errors.ts'
import type { ProtocolHost } from '../../protocols/http/protocol.ts'
import { EventFeed } from './event-feed.ts'
import { EventFollower, type Following } from './follow-events.ts'
import { SseWriter } from './sse-writer.ts'
import { streamEvents } from './stream-events.ts'
import { StreamSlots } from './stream-slots.ts'

export interface StreamRequest {
  readonly following: Following
  /** False: ends when everything there was has been sent. */
  readonly follow: boolean
  /** Rejects when the caller may not read any more. */
  readonly admit: () => Promise<unknown>
}

/** The streams of events that are open in this process. */
export class EventStreams {
  readonly #host: ProtocolHost
  readonly #slots: StreamSlots
  readonly #open = new Set<EventFollower>()
  #feed: EventFeed | undefined
  #isStopping = false

  constructor(host: ProtocolHost) {
    this.#host = host
    this.#slots = new StreamSlots(host.limits)
  }

  /** Takes the reply over and answers once the stream has begun. Throws `too-many` at the limits. */
  async open(reply: FastifyReply, { following, follow, admit }: StreamRequest): Promise<void> {
    if (this.#isStopping) throw new OtaError('unavailable', 'The server stops.')
    const { limits, core } = this.#host
    const release = this.#slots.take(following.organisation)
    this.#feed ??= this.#createFeed(reply)
    const follower = new EventFollower(this.#feed, core.deps.storage.management.events, following)
    try {
      await follower.open()
    } catch (error) {
      release()
      throw error
    }
    this.#open.add(follower)
    reply.hijack()
    void streamEvents({
      follower,
      follow,
      admit,
      writer: new SseWriter(reply.raw, limits.eventStallMs),
      heartbeatMs: limits.eventHeartbeatMs,
      isStopping: () => this.#isStopping,
      log: reply.log,
    }).finally(() => {
      this.#open.delete(follower)
      release()
    })
  }

  /** Ends every stream with a last event; no other begins. */
  stop(): void {
    this.#isStopping = true
    for (const follower of this.#open) follower.interrupt()
  }

  #createFeed({ log }: FastifyReply): EventFeed {
    return new EventFeed(this.#host.core.deps.storage, {
      pollMs: this.#host.limits.eventPollMs,
      onError: (error) => log.error({ err: error }, 'management API: new events could not be read'),
    })
  }
}
