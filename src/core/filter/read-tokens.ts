import { ExpressionFault } from './grammar.ts'

/** A word, string or sign, and where it stands: `at` is its first character and `end` the one after its last, from 0. */
export type Token = { readonly at: number; readonly end: number } & (
  | { readonly kind: 'word'; readonly text: string }
  /** `text` is what the quotes hold, escapes resolved. */
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'sign'; readonly text: Sign }
)

export type Sign = '=' | '!=' | '(' | ')' | ','

const SIGNS: readonly Sign[] = ['=', '!=', '(', ')', ',']

const TOKEN =
  /(?<word>[A-Za-z_][A-Za-z0-9_./-]*)|(?<sign>!=|[=(),])|'(?<single>(?:[^'\\]|\\['"\\])*)'|"(?<double>(?:[^"\\]|\\['"\\])*)"/y

/** Words, strings and signs in order. Throws `ExpressionFault` at the first character that is none of them. */
export function readTokens(text: string): Token[] {
  const tokens: Token[] = []
  const reader = new RegExp(TOKEN)
  const blanks = /\s*/y
  const end = text.trimEnd().length
  while (reader.lastIndex < end) {
    const before = reader.lastIndex
    blanks.lastIndex = before
    const at = before + (blanks.exec(text)?.[0].length ?? 0)
    reader.lastIndex = at
    const groups = reader.exec(text)?.groups
    if (groups === undefined) throw unreadable(at, hint(text.charAt(at)))
    const token = tokenOf(groups)
    if (token.kind === 'string' && !isText(token.text)) throw unreadable(at, 'the string has a NUL or half a character')
    tokens.push({ ...token, at, end: reader.lastIndex })
  }
  return tokens
}

function tokenOf({ word, sign, single, double }: Readonly<Record<string, string | undefined>>) {
  if (word !== undefined) return { kind: 'word', text: word } as const
  const known = SIGNS.find((one) => one === sign)
  if (known !== undefined) return { kind: 'sign', text: known } as const
  return { kind: 'string', text: (single ?? double ?? '').replace(/\\(.)/g, '$1') } as const
}

/** What every database keeps as it is. */
function isText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

function hint(character: string): string {
  return character === "'" || character === '"'
    ? `the string has no end, or a backslash before something other than \\ ' and "`
    : 'text and numbers are written in quotes'
}

function unreadable(at: number, expected: string): ExpressionFault {
  return new ExpressionFault('cannot be read', { position: at + 1, expected, isUnreadable: true })
}
