import { ConditionParser } from './condition-parser.ts'
import type { Condition, Expression } from './expression.ts'
import { ExpressionFault, type Grammar, type NestedGrammar } from './grammar.ts'
import type { Token } from './read-tokens.ts'
import { faultAt, isKeyword, isSign, shown, TokenReader } from './token-reader.ts'

/**
 *     any       = all { OR all }
 *     all       = one { AND one }
 *     one       = NOT one | "(" any ")" | TRUE | FALSE | condition
 *     condition = field "=" value | field "!=" value | field [NOT] IN "(" string {"," string} ")"
 *               | field [NOT] LIKE string | field [NOT] EXISTS
 *     value     = string | TRUE | FALSE        string = '...' or "..." with the escapes \' \" \\
 *
 * Keywords in any case. A blank text is everything. Throws `ExpressionFault` for whatever the grammar, its fields or
 * its limits do not allow. Reads in one pass, in time that grows with the text's length alone.
 */
export function parseExpression<F extends string>(text: string, grammar: NestedGrammar<F>): Expression<F> {
  return new ExpressionParser(readerOf(text, grammar), grammar).whole()
}

/**
 * The smaller language of conditions that are joined by AND, without NOT and `!=`: each must hold. As
 * `parseExpression` otherwise; a blank text has no conditions.
 */
export function parseConjunction<F extends string>(text: string, grammar: Grammar<F>): Condition<F>[] {
  const reader = readerOf(text, grammar)
  const parser = new ConditionParser(reader, grammar)
  const conditions: Condition<F>[] = []
  while (!reader.isAtEnd) {
    if (conditions.length > 0 && !reader.takes('and')) throw misplaced(reader.next('and'), 'and')
    conditions.push(parser.readPlain(reader.next('a field')))
  }
  return conditions
}

function readerOf<F extends string>(text: string, { limits }: Grammar<F>): TokenReader {
  if (text.length > limits.characters)
    throw new ExpressionFault(`is longer than ${limits.characters} characters`, { position: limits.characters + 1 })
  return new TokenReader(text)
}

function misplaced(token: Token, wanted: string): ExpressionFault {
  return faultAt(token, `needs ${wanted} in place of ${shown(token)}`)
}

class ExpressionParser<F extends string> {
  readonly #reader: TokenReader
  readonly #grammar: NestedGrammar<F>
  readonly #conditions: ConditionParser<F>
  #depth = 0

  constructor(reader: TokenReader, grammar: NestedGrammar<F>) {
    this.#reader = reader
    this.#grammar = grammar
    this.#conditions = new ConditionParser(reader, grammar)
  }

  whole(): Expression<F> {
    if (this.#reader.isAtEnd) return { kind: 'all', of: [] }
    const expression = this.#any()
    const rest = this.#reader.peek()
    if (rest === undefined) return expression
    throw misplaced(rest, '"and" or "or"')
  }

  #any(): Expression<F> {
    const of = [this.#all()]
    while (this.#reader.takes('or')) of.push(this.#all())
    return joined('any', of)
  }

  #all(): Expression<F> {
    const of = [this.#one()]
    while (this.#reader.takes('and')) of.push(this.#one())
    return joined('all', of)
  }

  #one(): Expression<F> {
    const token = this.#reader.next('a field', `fields are ${this.#grammar.fields}`)
    if (isKeyword(token, 'not')) return this.#within(token, () => ({ kind: 'not', of: this.#one() }))
    if (isSign(token, '(')) return this.#within(token, () => this.#group())
    if (isKeyword(token, 'true')) return { kind: 'all', of: [] }
    if (isKeyword(token, 'false')) return { kind: 'any', of: [] }
    return this.#conditions.read(token)
  }

  #group(): Expression<F> {
    const inner = this.#any()
    const end = this.#reader.next('"and", "or" or )')
    if (!isSign(end, ')')) throw misplaced(end, '"and", "or" or )')
    return inner
  }

  #within(opening: Token, read: () => Expression<F>): Expression<F> {
    const { depth } = this.#grammar.limits
    this.#depth += 1
    if (this.#depth > depth) throw faultAt(opening, `is nested more than ${depth} deep`)
    const inner = read()
    this.#depth -= 1
    return inner
  }
}

function joined<F extends string>(kind: 'all' | 'any', of: Expression<F>[]): Expression<F> {
  const [only] = of
  return only !== undefined && of.length === 1 ? only : { kind, of }
}
