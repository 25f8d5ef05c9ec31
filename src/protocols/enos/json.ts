/** A number of a JSON text as it was written: `1.0` stays `1.0`. */
export class JsonNumber {
  readonly source: string

  constructor(source: string) {
    this.source = source
  }
}

export type JsonObject = Readonly<Record<string, unknown>>

/** The object that a JSON text is; undefined for anything else. */
export function parseJsonObject(text: string): JsonObject | undefined {
  return objectIn(text, JSON.parse)
}

/**
 * As `parseJsonObject`, with every number as its source text.
 * Quirk: the vendor's Python device sample reports its version as the number `1.0`; `1` would be another version
 * [enos 5.3], pinned by row 37 in test/conformance/enos.
 */
export function parseWithNumberSources(text: string): JsonObject | undefined {
  return objectIn(text, (json) => JSON.parse(json, keepSource))
}

/** The standard library's types do not know the third argument yet. */
function keepSource(_key: string, value: unknown, ...context: readonly { readonly source?: string }[]): unknown {
  return typeof value === 'number' ? new JsonNumber(context[0]?.source ?? '') : value
}

function objectIn(text: string, parse: (text: string) => unknown): JsonObject | undefined {
  try {
    const value = parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber)
}

/** A string, or a number's source text; undefined for anything else. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return value instanceof JsonNumber ? value.source : undefined
}
