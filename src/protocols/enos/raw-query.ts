/** The query as received and decoded, or the name that makes it ambiguous. */
export type RawQuery =
  | { readonly kind: 'query'; readonly parameters: ReadonlyMap<string, string> }
  | { readonly kind: 'repeated'; readonly name: string }
  | { readonly kind: 'malformed' }

/**
 * [enos 2.3] Names and values decoded, `+` and `%20` both to a space; a name given twice makes it ambiguous. `url` is
 * the request target: the query is taken as it came, so that `fileUri=enos-connect://...` needs no encoding [enos 6].
 */
export function parseRawQuery(url: string): RawQuery {
  const start = url.indexOf('?')
  const parameters = new Map<string, string>()
  if (start === -1) return { kind: 'query', parameters }
  for (const pair of url.slice(start + 1).split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decoded(equals === -1 ? pair : pair.slice(0, equals))
    const value = equals === -1 ? '' : decoded(pair.slice(equals + 1))
    if (name === undefined || value === undefined) return { kind: 'malformed' }
    if (parameters.has(name)) return { kind: 'repeated', name }
    parameters.set(name, value)
  }
  return { kind: 'query', parameters }
}

function decoded(text: string): string | undefined {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text
  if (!spaced.includes('%')) return spaced
  try {
    return decodeURIComponent(spaced)
  } catch {
    return undefined
  }
}
