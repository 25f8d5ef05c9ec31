/** Object of a JSON text, field by field; undefined when the text is no JSON object. */
export function jsonObject(bytes: Uint8Array | string): ReadonlyMap<string, unknown> | undefined {
  try {
    return objectFields(JSON.parse(typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('utf8')))
  } catch {
    return undefined
  }
}

/** Fields of an object; undefined for anything else, arrays included. */
export function objectFields(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return new Map<string, unknown>(Object.entries(value))
}
