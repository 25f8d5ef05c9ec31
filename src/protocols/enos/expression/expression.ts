/**
 * Search expressions of EnOS programs [enos 3.6], parsed into conditions that stores can bind:
 *
 *     expr  = cond { AND cond }
 *     cond  = field "=" value | field IN "(" value {"," value} ")" | field LIKE string
 *     value = string | true | false      string = '...' or "..."
 *
 * What may be asked is a table of fields, one per kind of thing.
 */

/** One thing that must hold; conditions of an expression are joined by AND. */
export type Condition<F extends string = string> =
  /** The field is one of these. */
  | { readonly kind: 'one-of'; readonly field: F; readonly values: readonly string[] }
  | { readonly kind: 'is'; readonly field: F; readonly value: boolean }
  /** The field has this literal, case-sensitive substring. */
  | { readonly kind: 'contains'; readonly field: F; readonly text: string }

/** What a field may be asked: `values` takes `=` and `in`, `value` and `flag` take `=`, `text` takes `like`. */
export type FieldKind = 'values' | 'value' | 'flag' | 'text'

export type Fields<F extends string = string> = Readonly<Record<F, FieldKind>>

export const EXPRESSION_LIMITS = { characters: 4_096, conditions: 32, values: 200 } as const

/** Why an expression is refused: a sentence for its author. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError'
}
