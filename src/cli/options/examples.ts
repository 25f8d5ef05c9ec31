import type { Command } from 'commander'

const EXAMPLES = new WeakMap<Command, readonly string[]>()

/** Ends a command's help with lines that can be copied. */
export function withExamples(command: Command, ...lines: readonly string[]): Command {
  const title = lines.length === 1 ? 'Example' : 'Examples'
  EXAMPLES.set(command, lines)
  return command.addHelpText('after', `\n${title}:\n${lines.map((line) => `  ${line}`).join('\n')}`)
}

/** For the reference. */
export function examplesOf(command: Command): readonly string[] {
  return EXAMPLES.get(command) ?? []
}
