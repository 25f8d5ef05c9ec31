import { ExpressionError } from './expression.ts'

export type Token =
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'sign'; readonly text: '=' | '(' | ')' | ',' }

const TOKEN =
  /\s*(?:(?<word>[A-Za-z_][A-Za-z0-9_.]*)|(?<sign>[=(),])|'(?<single>(?:[^'\\]|\\['"\\])*)'|"(?<double>(?:[^"\\]|\\['"\\])*)")/y

/** Words, strings and signs in order. Throws `ExpressionError` at the first character that is none of them. */
export function readTokens(text: string): Token[] {
  const tokens: Token[] = []
  const end = text.trimEnd().length
  const reader = new RegExp(TOKEN)
  while (reader.lastIndex < end) {
    const at = reader.lastIndex
    const groups = reader.exec(text)?.groups
    if (groups === undefined) throw new ExpressionError(`cannot be read at character ${at + 1}`)
    tokens.push(tokenOf(groups))
  }
  return tokens
}

function tokenOf({ word, sign, single, double }: Readonly<Record<string, string | undefined>>): Token {
  if (word !== undefined) return { kind: 'word', text: word }
  if (sign === '=' || sign === '(' || sign === ')' || sign === ',') return { kind: 'sign', text: sign }
  return { kind: 'string', text: (single ?? double ?? '').replace(/\\(.)/g, '$1') }
}
