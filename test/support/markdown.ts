import { readFileSync } from 'node:fs'

/** A fenced block of a Markdown file, with the heading under which it stands. */
export interface Block {
  readonly heading: string
  readonly language: string
  readonly text: string
}

export function blocksOf(path: string): Block[] {
  const blocks: Block[] = []
  let heading = ''
  let open: { language: string; lines: string[] } | undefined
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (open && line.startsWith('```')) {
      blocks.push({ heading, language: open.language, text: open.lines.join('\n') })
      open = undefined
    } else if (open) open.lines.push(line)
    else if (line.startsWith('```')) open = { language: line.slice(3).trim(), lines: [] }
    else if (line.startsWith('#')) heading = line.replace(/^#+\s*/, '')
  }
  return blocks
}
