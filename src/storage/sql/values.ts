/** Columns of a row to be written; members that are undefined stay out. */
export type Values = Readonly<Record<string, unknown>>

export function defined(values: Values): Record<string, unknown> {
  const given: Record<string, unknown> = {}
  for (const name in values) if (values[name] !== undefined) given[name] = values[name]
  return given
}

const NOTHING = Object.freeze({})
const NONE = Object.freeze([])

/** undefined stays undefined: a patch that leaves the member alone. */
export function toJson(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value)
}

/** What we wrote ourselves, so its shape is taken on trust. */
export function fromJson<T>(text: string): T {
  if (text === '{}') return NOTHING as T
  if (text === '[]') return NONE as T
  return JSON.parse(text) as T
}

/** Text as searches compare it. */
export function fold(text: string): string {
  return text.toLowerCase()
}

export function folded(text: string | undefined): string | undefined {
  return text === undefined ? undefined : fold(text)
}
