import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { createProgram } from './main.ts'

/** Commands that do something, each with its words. */
function leaves(command: Command, words: readonly string[] = []): Array<[string, Command]> {
  if (command.commands.length === 0) return [[words.join(' '), command]]
  return command.commands.flatMap((child) => leaves(child, [...words, child.name()]))
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({ writeOut: (part) => (text += part), writeErr: (part) => (text += part) })
  command.outputHelp()
  return text
}

describe('every command', () => {
  it.each(leaves(createProgram()))('%s has words and an example of itself', (words, command) => {
    const help = helpOf(command)
    expect(command.description()).not.toBe('')
    const example = help.slice(help.search(/^Examples?:$/m))
    expect(example).toContain(`godwit ${words}`)
  })

  it('is one of those that others build on', () => {
    const words = leaves(createProgram()).map(([name]) => name)
    expect(words).toEqual(
      expect.arrayContaining([
        ...[
          'serve',
          'apply',
          'migrate',
          'backup',
          'restore',
          'doctor',
          'config',
          'key rotate',
          'demo',
          'login',
          'logout',
        ],
        ...[
          'firmware push',
          'device explain',
          'device token',
          'device import',
          'device export',
          'rollout watch',
          'simulate',
        ],
        ...['organisation', 'product', 'module', 'device', 'group', 'firmware', 'release', 'assignment', 'update']
          .concat(['rollout', 'event', 'account', 'token', 'access-key', 'data-file'])
          .map((noun) => `${noun} list`),
      ]),
    )
  })
})
