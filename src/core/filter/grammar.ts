/** What a field may be asked: `=`, `in`, `like "text"` and `exists`. */
export type Operator = 'equals' | 'in' | 'like' | 'exists'

/** How a field is asked. */
export interface FieldRule {
  /** Flags are asked with a bare `true` or `false`, all others with quoted strings. */
  readonly type: 'text' | 'flag'
  readonly operators: readonly Operator[]
  /** The only values that the field can have; absent means any. */
  readonly values?: readonly string[]
}

/** Bounds on a text, so that neither the parser nor a database can be kept busy by one. */
export interface ExpressionLimits {
  readonly characters: number
  readonly conditions: number
  /** Quoted strings in all conditions together. */
  readonly values: number
}

/** What may be asked of one kind of thing. */
export interface Grammar<F extends string> {
  /** The field of this name as it is kept in the AST, or undefined. */
  readonly find: (name: string) => { readonly field: F; readonly rule: FieldRule } | undefined
  /** The fields in the words of an error message. */
  readonly fields: string
  /** Names may end in quotes: tag."odd name". */
  readonly hasQuotedNames: boolean
  readonly limits: ExpressionLimits
}

/** A grammar of expressions that hold one another. */
export interface NestedGrammar<F extends string> extends Grammar<F> {
  /** Parentheses and `not` within one another. */
  readonly limits: ExpressionLimits & { readonly depth: number }
}

/** Why a text is refused. */
export class ExpressionFault extends Error {
  override readonly name = 'ExpressionFault'
  /** The first character that cannot stay, from 1; one past the last where the text ends too early. */
  readonly position: number
  /** What would be read there, for people; absent where the problem says it. */
  readonly expected: string | undefined
  /** The character belongs to no word, string or sign. */
  readonly isUnreadable: boolean

  /** `problem` continues a sentence that begins with the text's name: "needs ( before a string". */
  constructor(problem: string, at: { position: number; expected?: string; isUnreadable?: boolean }) {
    super(problem)
    this.position = at.position
    this.expected = at.expected
    this.isUnreadable = at.isUnreadable ?? false
  }
}
