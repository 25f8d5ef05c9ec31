import { type Condition, EXPRESSION_LIMITS, ExpressionError, type FieldKind, type Fields } from './expression.ts'
import { readTokens, type Token } from './read-tokens.ts'

/**
 * The conditions of an expression over these fields; a blank text has none. Throws `ExpressionError` for whatever the
 * grammar, the field or the limits do not allow.
 */
export function parseExpression<F extends string>(text: string, fields: Fields<F>): Condition<F>[] {
  if (text.length > EXPRESSION_LIMITS.characters)
    throw new ExpressionError(`is longer than ${EXPRESSION_LIMITS.characters} characters`)
  const reader = new Reader(readTokens(text), fields)
  return reader.isAtEnd ? [] : reader.expression()
}

class Reader<F extends string> {
  readonly #tokens: readonly Token[]
  readonly #fields: ReadonlyMap<string, { readonly name: F; readonly kind: FieldKind }>
  #at = 0
  #values = 0

  constructor(tokens: readonly Token[], fields: Fields<F>) {
    this.#tokens = tokens
    const names = Object.keys(fields) as F[]
    this.#fields = new Map(names.map((name) => [name, { name, kind: fields[name] }]))
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#tokens.length
  }

  expression(): Condition<F>[] {
    const conditions = [this.#condition()]
    while (!this.isAtEnd) {
      this.#keyword('and')
      conditions.push(this.#condition())
      if (conditions.length > EXPRESSION_LIMITS.conditions)
        throw new ExpressionError(`has more than ${EXPRESSION_LIMITS.conditions} conditions`)
    }
    return conditions
  }

  #condition(): Condition<F> {
    const name = this.#next('a field')
    const field = name.kind === 'word' ? this.#fields.get(name.text) : undefined
    if (field === undefined) throw new ExpressionError(`has no field ${shown(name)}`)
    const operator = this.#next('an operator')
    if (operator.kind === 'sign' && operator.text === '=') return this.#equals(field.name, field.kind)
    if (isKeyword(operator, 'in') && field.kind === 'values')
      return { kind: 'one-of', field: field.name, values: this.#list() }
    if (isKeyword(operator, 'like') && field.kind === 'text')
      return { kind: 'contains', field: field.name, text: this.#string() }
    throw new ExpressionError(`cannot ask ${field.name} with ${shown(operator)}`)
  }

  #equals(field: F, kind: FieldKind): Condition<F> {
    switch (kind) {
      case 'flag':
        return { kind: 'is', field, value: this.#boolean() }
      case 'values':
        return { kind: 'one-of', field, values: [this.#string()] }
      case 'text':
        throw new ExpressionError(`cannot ask ${field} with =`)
    }
  }

  #list(): string[] {
    this.#sign('(')
    const values = [this.#string()]
    for (;;) {
      const token = this.#next(', or )')
      if (token.kind === 'sign' && token.text === ')') return values
      if (token.kind !== 'sign' || token.text !== ',') throw new ExpressionError(`needs , or ) before ${shown(token)}`)
      values.push(this.#string())
    }
  }

  #string(): string {
    const token = this.#next('a string')
    if (token.kind !== 'string') throw new ExpressionError(`needs a quoted string in place of ${shown(token)}`)
    this.#values += 1
    if (this.#values > EXPRESSION_LIMITS.values)
      throw new ExpressionError(`has more than ${EXPRESSION_LIMITS.values} values`)
    return token.text
  }

  #boolean(): boolean {
    const token = this.#next('true or false')
    if (isKeyword(token, 'true')) return true
    if (isKeyword(token, 'false')) return false
    throw new ExpressionError(`needs true or false in place of ${shown(token)}`)
  }

  #keyword(word: string): void {
    const token = this.#next(word)
    if (!isKeyword(token, word)) throw new ExpressionError(`needs ${word} in place of ${shown(token)}`)
  }

  #sign(sign: string): void {
    const token = this.#next(sign)
    if (token.kind !== 'sign' || token.text !== sign) throw new ExpressionError(`needs ${sign} before ${shown(token)}`)
  }

  #next(wanted: string): Token {
    const token = this.#tokens[this.#at]
    if (token === undefined) throw new ExpressionError(`ends where ${wanted} should be`)
    this.#at += 1
    return token
  }
}

function isKeyword(token: Token, word: string): boolean {
  return token.kind === 'word' && token.text.toLowerCase() === word
}

function shown(token: Token): string {
  return token.kind === 'string' ? 'a string' : token.text.slice(0, 60)
}
