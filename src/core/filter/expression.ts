/**
 * What must hold of a thing, over fields `F`. Logic has two values: a condition on a value that a thing lacks does not
 * hold, and its negation does. Plain JSON.
 */
export type Expression<F extends string = string> =
  /** Each of these holds; none at all means everything. */
  | { readonly kind: 'all'; readonly of: readonly Expression<F>[] }
  /** One of these holds; none at all means nothing. */
  | { readonly kind: 'any'; readonly of: readonly Expression<F>[] }
  | { readonly kind: 'not'; readonly of: Expression<F> }
  | Condition<F>

/** One question about one field. */
export type Condition<F extends string = string> =
  /** The field is one of these; a flag is `true` or `false`. */
  | { readonly kind: 'one-of'; readonly field: F; readonly values: readonly string[] }
  /** The field has this literal, case-sensitive substring. */
  | { readonly kind: 'contains'; readonly field: F; readonly text: string }
  /** The field has a value, whatever it is. */
  | { readonly kind: 'exists'; readonly field: F }
