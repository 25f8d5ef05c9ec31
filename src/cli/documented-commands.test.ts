import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { blocksOf } from '../../test/support/markdown.ts'
import { createProgram } from './main.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const pages = ['README.md', 'CONTRIBUTING.md', ...markdownBelow('docs')]

function markdownBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name))
}

/** Every `godwit …` that a page shows as a command, in blocks or between backticks, as its words. */
function commandsOf(page: string): string[][] {
  const lines = blocksOf(join(root, page)).flatMap((block) => block.text.split('\n'))
  return lines
    .map(
      (line) =>
        /(?:^|\s|=)(?:\$\()?(?:npm run -s godwit --|\/usr\/bin\/godwit|godwit) (?<rest>[a-z].*)$/.exec(line)?.groups?.[
          'rest'
        ],
    )
    .filter((rest) => rest !== undefined)
    .map((rest) =>
      rest
        .replace(/\s+#.*$/, '')
        .replace(/[)|&>].*$/, '')
        .trim()
        .split(/\s+/),
    )
}

/** Walks down the command tree; what is left are arguments and options. */
function findCommand(words: readonly string[]): { command: Command; rest: readonly string[] } {
  let command = createProgram()
  let used = 0
  for (const word of words) {
    const child = command.commands.find((one) => one.name() === word || one.aliases().includes(word))
    if (!child) break
    command = child
    used += 1
  }
  return { command, rest: words.slice(used) }
}

describe.each(pages)('%s', (page) => {
  it('shows only commands and options that exist', () => {
    for (const words of commandsOf(page)) {
      const { command, rest } = findCommand(words)
      expect(command.commands.length, `godwit ${words.join(' ')} is a whole command`).toBe(0)
      const known = command.options.flatMap((option) => [option.long, option.short])
      for (const word of rest)
        if (/^--?[a-z]/.test(word)) expect(known, `godwit ${words.join(' ')}`).toContain(word.split('=')[0])
    }
  })
})

it('finds the commands at all', () => {
  expect(pages.flatMap(commandsOf).length).toBeGreaterThan(100)
})
