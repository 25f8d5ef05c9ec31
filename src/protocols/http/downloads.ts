import type { Delivery } from './download-policy.ts'
import { Egress, type EgressLimits } from './egress.ts'
import type { Handover } from './handover.ts'

export type DownloadOutcome = Exclude<Delivery['kind'], 'aborted'> | Extract<Delivery, { kind: 'aborted' }>['because']

/** What all downloads of one server share, whatever the protocol. */
export class Downloads {
  readonly egress: Egress
  /** Absent where no nginx in front sends bytes. */
  readonly handover: Handover | undefined
  readonly #outcomes = new Map<DownloadOutcome, number>()

  constructor(limits: EgressLimits, handover?: Handover) {
    this.egress = new Egress(limits)
    this.handover = handover
  }

  /** How many ended how, since the start. */
  get outcomes(): ReadonlyMap<DownloadOutcome, number> {
    return this.#outcomes
  }

  /** Counts what became of a download, and hands it on. */
  note(delivery: Delivery): Delivery {
    const outcome = delivery.kind === 'aborted' ? delivery.because : delivery.kind
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1)
    return delivery
  }
}
