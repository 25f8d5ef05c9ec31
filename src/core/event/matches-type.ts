/**
 * Whether an event's type is one of `patterns`: a whole type (`device.created`) or the beginning of types up to a dot
 * (`device`, which may be written `device.*`). No patterns at all mean every type.
 */
export function matchesType(patterns: readonly string[], type: string): boolean {
  return patterns.length === 0 || patterns.map(typeStem).some((stem) => type === stem || type.startsWith(`${stem}.`))
}

/** A pattern without the star that it may be written with. */
export function typeStem(pattern: string): string {
  return pattern.endsWith('.*') ? pattern.slice(0, -2) : pattern
}

/** What a pattern may look like. */
export const TYPE_PATTERN = /^[a-z][a-z-]{0,31}(?:\.(?:\*|[a-z][a-z-]{0,31}))?$/
