import type { Command } from 'commander'
import { usage } from '../exit.ts'
import { withExamples } from '../options/examples.ts'

/** Words that are reserved for what is to come: whoever tries one learns what there is in its place. */
const MISSING = [
  {
    word: 'simulate',
    instead: 'the demo runs simulated devices of every protocol',
    sentence: 'simulated fleets are not in this version; "godwit demo" runs simulated devices of every protocol.',
    example: 'godwit demo --once',
  },
] as const

export function addMissingCommands(program: Command): void {
  for (const { word, instead, sentence, example } of MISSING) {
    const command = program
      .command(word)
      .description(`not in this version; ${instead}`)
      .argument('[words...]')
      .allowUnknownOption()
      .action(() => {
        throw usage(sentence)
      })
    withExamples(command, example)
  }
}
