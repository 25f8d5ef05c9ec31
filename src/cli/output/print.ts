/** One line on standard output. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

export function printLines(lines: readonly string[]): void {
  if (lines.length > 0) print(lines.join('\n'))
}

/** JSON for programs, indented because people look at it too. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2))
}

/** Something that people want to know and programs do not: standard error. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`)
}
