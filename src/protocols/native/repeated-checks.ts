import { BoundedMap } from '../../core/bounded-map.ts'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import { matchesNone } from '../http/conditions.ts'
import { type ReadyAnswer, readyAnswer } from '../http/ready-answer.ts'

/** What is said to a check. */
export class CheckReply {
  readonly #etag: string
  readonly #full: ReadyAnswer
  readonly #unchanged: ReadyAnswer

  constructor({ etag, retryAfter, body }: { etag: string; retryAfter: number; body: string }) {
    const headers = ['etag', etag, 'cache-control', 'no-store', 'retry-after', String(retryAfter)]
    this.#etag = etag
    this.#full = readyAnswer(200, [...headers, 'content-type', 'application/json; charset=utf-8'], body)
    this.#unchanged = { status: 304, headers, body: '' }
  }

  get body(): string {
    return this.#full.body
  }

  /** In full, or that the device knows it already. `condition`: the If-None-Match of the request. */
  for(condition: string | undefined): ReadyAnswer {
    return condition !== undefined && matchesNone(condition, { etag: this.#etag }) ? this.#unchanged : this.#full
  }
}

/** Different exchanges of question and reply that devices share in memory; most of a fleet asks and is told the same. */
const SHARED = 4_096

interface Exchange {
  readonly question: string
  readonly reply: CheckReply
}

/**
 * The last reply to each device. The gateway hands out the same facts until something changes, so a device that asks
 * the same again is told the same; only replies that no passing of time changes may be kept.
 */
export class RepeatedChecks {
  readonly #last = new WeakMap<DeviceFacts, Exchange>()
  readonly #shared = new BoundedMap<string, Exchange>(SHARED)

  /** `question`: the body of the check, as it came. */
  find(facts: DeviceFacts, question: string): CheckReply | undefined {
    const last = this.#last.get(facts)
    return last?.question === question ? last.reply : undefined
  }

  keep(facts: DeviceFacts, exchange: Exchange): void {
    const name = `${exchange.question}\n${exchange.reply.body}`
    const known = this.#shared.get(name)
    if (!known) this.#shared.set(name, exchange)
    this.#last.set(facts, known ?? exchange)
  }
}
