/** An object of the server's JSON; its members are looked at before they are used. */
export type JsonObject = Readonly<Record<string, unknown>>

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value at a dotted path (`product.key`); undefined where a step is missing. */
export function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, name) => (isJsonObject(inner) ? inner[name] : undefined), value)
}

/** A text member; `` where it is absent or something else. */
export function textAt(value: unknown, path: string): string {
  const found = at(value, path)
  return typeof found === 'string' ? found : typeof found === 'number' ? String(found) : ''
}

/** The objects of a list member. */
export function objectsAt(value: unknown, path: string): JsonObject[] {
  const found = at(value, path)
  return Array.isArray(found) ? found.filter(isJsonObject) : []
}
