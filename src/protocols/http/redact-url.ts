import { escapeRegExp } from './escape-regexp.ts'

/** A secret inside a URL or message: the first capture group is kept, the rest of the match becomes `***`. */
export type Redaction = RegExp

/** Query parameters whose values are secrets wherever they turn up. */
export const SECRET_PARAMETERS: readonly string[] = [
  'token',
  'sessionId',
  'sig',
  'x-access-token',
  'access_token',
  'password',
]

/** Request and reply headers that never reach a log. */
export const SECRET_HEADERS: readonly string[] = ['authorization', 'proxy-authorization', 'cookie', 'set-cookie']

export interface RedactorOptions {
  /** Patterns that protocols supply; a global flag is added where it is missing. */
  readonly redactions?: readonly Redaction[]
  /** Further query parameters, beside the usual ones. */
  readonly parameters?: readonly string[]
}

/** A function that hides secrets in a URL, or in any text that quotes one. Never throws; what it cannot parse it keeps. */
export function createUrlRedactor(options: RedactorOptions = {}): (text: string) => string {
  const names = [...SECRET_PARAMETERS, ...(options.parameters ?? [])].map((name) => escapeRegExp(name)).join('|')
  const parameters = new RegExp(`([?&;](?:${names})=)[^&;#\\s"']*`, 'gi')
  const patterns = [...(options.redactions ?? []).map(global), parameters]
  return (text) =>
    patterns.reduce((result, pattern) => result.replace(pattern, (_match, kept: string) => `${kept}***`), text)
}

function global(pattern: RegExp): RegExp {
  return pattern.flags.includes('g') ? pattern : new RegExp(pattern.source, `${pattern.flags}g`)
}
