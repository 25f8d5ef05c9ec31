import type { FastifyReply } from 'fastify'
import type { Event } from '../../core/event/event.ts'
import { viewEvent } from '../event-view.ts'
import { writeCursor } from '../paging.ts'
import type { EventFollower } from './follow-events.ts'
import { frame, type SseWriter } from './sse-writer.ts'

/** Why a stream ended; the reader is told in its last event. */
export const STREAM_ENDS = {
  'caught-up': 'everything there was has been sent',
  stopping: 'the server stops; come again',
  stalled: 'nothing was taken for too long',
  unauthorised: 'the token does not allow it any more',
  failed: 'a fault of the server; come again',
} as const

export type StreamEnd = keyof typeof STREAM_ENDS

/** After what pause a reader that lost the stream comes again, ms. */
const RETRY_MS = 2_000

export interface Streaming {
  readonly follower: EventFollower
  readonly writer: SseWriter
  /** False: ends when everything there was has been sent. */
  readonly follow: boolean
  readonly heartbeatMs: number
  readonly isStopping: () => boolean
  /** Rejects when the caller may not read any more; asked with each heartbeat. */
  readonly admit: () => Promise<unknown>
  readonly log: FastifyReply['log']
}

/** Sends events until the reader leaves or something ends it; never rejects. */
export async function streamEvents(streaming: Streaming): Promise<void> {
  const { follower, writer, log } = streaming
  try {
    writer.begin()
    const end = await run(streaming)
    if (end !== 'gone') writer.end(last(end))
  } catch (error) {
    log.error({ err: error }, 'management API: a stream of events failed')
    writer.end(last('failed'))
  } finally {
    follower.close()
  }
}

async function run(streaming: Streaming): Promise<StreamEnd | 'gone'> {
  const { follower, writer, follow, heartbeatMs, isStopping, admit } = streaming
  let isHeartbeatDue = false
  const interrupt = () => follower.interrupt()
  const heart = setInterval(() => {
    isHeartbeatDue = true
    follower.interrupt()
  }, heartbeatMs).unref()
  const leaving = writer.onGone(interrupt)
  try {
    let text = `retry: ${RETRY_MS}\n${frame({ id: writeCursor(follower.position, 'asc') })}`
    for (;;) {
      const written = text === '' ? 'written' : await writer.write(text)
      if (written !== 'written') return written
      if (writer.isGone) return 'gone'
      if (isStopping()) return 'stopping'
      if (isHeartbeatDue) {
        isHeartbeatDue = false
        if (!(await admit().then(yes, no))) return 'unauthorised'
      }
      const events = await (follow ? follower.next() : follower.poll())
      if (events.length === 0 && !follow) return 'caught-up'
      text = events.map(message).join('') || (isHeartbeatDue ? heartbeat(follower) : '')
    }
  } finally {
    clearInterval(heart)
    leaving()
  }
}

function message(event: Event): string {
  return frame({ id: writeCursor(event.serial, 'asc'), data: viewEvent(event) })
}

/** Its id spares a reader that comes again what was passed over. */
function heartbeat({ position }: EventFollower): string {
  return frame({ comment: 'still here', id: writeCursor(position, 'asc') })
}

function last(end: StreamEnd): string {
  return frame({ event: 'end', data: { reason: end, detail: STREAM_ENDS[end] } })
}

const yes = () => true
const no = () => false
