import type { FirmwareFile } from '../../core/firmware/firmware.ts'
import type { ReadyAnswer } from '../http/ready-answer.ts'

/** Different questions that are remembered for one catalogue; devices of a product ask very few. */
const QUESTIONS = 32
/** Longer answers are made anew each time, so that memory stays bounded. */
const BODY_CHARS = 512 * 1024

/**
 * Answers by catalogue and question. The gateway hands out the same catalogue until something changes, so an answer
 * lives exactly as long as it is right.
 */
export class RenderedLists {
  readonly #lists = new WeakMap<readonly FirmwareFile[], Map<string, ReadyAnswer>>()

  get(catalogue: readonly FirmwareFile[], question: string): ReadyAnswer | undefined {
    return this.#lists.get(catalogue)?.get(question)
  }

  keep(catalogue: readonly FirmwareFile[], question: string, list: ReadyAnswer): void {
    if (list.body.length > BODY_CHARS) return
    const known = this.#lists.get(catalogue)
    if (known === undefined) this.#lists.set(catalogue, new Map([[question, list]]))
    else if (known.size < QUESTIONS) known.set(question, list)
  }
}
