import type { DeviceFacts } from '../../core/device/device-facts.ts'

/** What was answered to a check, ready to be sent again. */
export class GivenAnswer {
  readonly facts: DeviceFacts
  readonly question: string
  readonly etag: string
  readonly retryAfter: string
  readonly body: string

  constructor(given: Pick<GivenAnswer, 'facts' | 'question' | 'etag' | 'retryAfter' | 'body'>) {
    this.facts = given.facts
    this.question = given.question
    this.etag = given.etag
    this.retryAfter = given.retryAfter
    this.body = given.body
  }
}

/**
 * The last answer to each device. The gateway hands out the same facts until something changes, so a device that asks
 * the same again is told the same; only answers that no passing of time changes may be kept.
 */
export class RepeatedChecks {
  readonly #answers = new WeakMap<DeviceFacts, GivenAnswer>()

  /** `question`: the body of the check, as it came. */
  find(facts: DeviceFacts, question: string): GivenAnswer | undefined {
    const given = this.#answers.get(facts)
    return given?.question === question ? given : undefined
  }

  keep(given: GivenAnswer): void {
    this.#answers.set(given.facts, given)
  }
}
