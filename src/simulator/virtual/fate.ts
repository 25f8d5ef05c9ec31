import { exponential, seededRandom } from '../../core/seeded-random.ts'

/** What becomes of a device that takes the release. It is the same at each further try. */
export const FATES = ['good', 'fails', 'rolls-back', 'falls-silent'] as const
export type Fate = (typeof FATES)[number]

/** How devices fail that fail. */
export interface FailureModel {
  /** Of those that fail, the share that falls silent; the others say so. 0 to 1. */
  readonly silentShare: number
  /** Of those that say so, the share that goes back to its old version by itself. 0 to 1. */
  readonly rollBackShare: number
  /** Seconds until a failure is reported: one minute and an exponential delay with this mean. */
  readonly failSeconds: number
  /** Seconds until a good device runs the new version: one minute and an exponential delay with this mean. */
  readonly installSeconds: number
}

export const DEFAULT_FAILURES: FailureModel = {
  silentShare: 0,
  rollBackShare: 0,
  failSeconds: 300,
  installSeconds: 240,
}

/** Least time between taking the release and knowing how it went. */
const LEAST_SECONDS = 60

export interface Drawn {
  readonly fate: Fate
  /** From taking the release until it is known. */
  readonly seconds: number
}

/**
 * Draws fates, one for each device that takes the release for the first time. Whether the n-th of a seed fails, and how
 * late it would say so, are the same whatever the gate and the rest of the model.
 */
export class Fates {
  readonly #model: FailureModel
  readonly #luck: () => number
  readonly #further: () => number

  constructor(seed: number, model: FailureModel) {
    this.#model = model
    this.#luck = seededRandom(seed ^ 0x5bd1e995)
    this.#further = seededRandom(seed ^ 0x27d4eb2f)
  }

  draw(failureRate: number): Drawn {
    const fails = this.#luck() < failureRate
    const failsAfter = LEAST_SECONDS + exponential(this.#luck, this.#model.failSeconds)
    if (!fails) return { fate: 'good', seconds: this.#after(this.#model.installSeconds) }
    if (this.#further() < this.#model.silentShare) return { fate: 'falls-silent', seconds: failsAfter }
    return { fate: this.#further() < this.#model.rollBackShare ? 'rolls-back' : 'fails', seconds: failsAfter }
  }

  /** For a further try of the same fate. */
  again(fate: Fate): Drawn {
    return { fate, seconds: this.#after(fate === 'good' ? this.#model.installSeconds : this.#model.failSeconds) }
  }

  #after(mean: number): number {
    return LEAST_SECONDS + exponential(this.#further, mean)
  }
}
