import { readFileSync, writeFileSync } from 'node:fs'

/** Replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->` in a file. */
export function replaceBetween(path: URL, name: string, text: string): void {
  const whole = readFileSync(path, 'utf8')
  const [before, after] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [start, end] = [whole.indexOf(before) + before.length, whole.indexOf(after)]
  if (start < before.length || end < start) throw new Error(`${path.pathname} has no ${before} … ${after}`)
  writeFileSync(path, `${whole.slice(0, start)}\n${text}\n${whole.slice(end)}`)
}
