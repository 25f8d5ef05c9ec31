import { type FlashFacts, HashOnlyFlash } from './flash.ts'

/** Reads back other bytes than were written, so that every device that checks them finds and reports it. */
export class CorruptFlash extends HashOnlyFlash {
  override staged(): FlashFacts {
    const facts = super.staged()
    return { ...facts, sha256: reversed(facts.sha256), md5: reversed(facts.md5) }
  }
}

/** The device is dead; nothing is heard of it any more. */
export class PowerLoss extends Error {
  override readonly name = 'PowerLoss'
}

/** The first byte that is to be written kills the device: its run throws {@link PowerLoss}. */
export class DyingFlash extends HashOnlyFlash {
  override begin(): void {
    throw new PowerLoss('the device died while it began to write')
  }
}

function reversed(text: string): string {
  return [...text].reverse().join('')
}
