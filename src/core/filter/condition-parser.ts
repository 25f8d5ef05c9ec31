import type { Condition, Expression } from './expression.ts'
import type { FieldRule, Grammar, Operator } from './grammar.ts'
import type { Token } from './read-tokens.ts'
import { faultAt, isKeyword, isSign, shown, type TokenReader } from './token-reader.ts'

interface Asked<F extends string> {
  readonly field: F
  readonly rule: FieldRule
}

const SPELLED: Readonly<Record<Operator, readonly string[]>> = {
  equals: ['=', '!='],
  in: ['in', 'not in'],
  like: ['like', 'not like'],
  exists: ['exists', 'not exists'],
}

/** Reads single conditions, counting them and their values against the grammar's limits. */
export class ConditionParser<F extends string> {
  readonly #reader: TokenReader
  readonly #grammar: Grammar<F>
  #conditions = 0
  #values = 0

  constructor(reader: TokenReader, grammar: Grammar<F>) {
    this.#reader = reader
    this.#grammar = grammar
  }

  /** The condition that begins with this token, or its opposite: `!=`, `not in`, `not like`, `not exists`. */
  read(first: Token): Expression<F> {
    const { asked, operator } = this.#begin(first)
    if (isSign(operator, '!=')) return { kind: 'not', of: this.#equals(asked, operator) }
    if (!isKeyword(operator, 'not')) return this.#plain(asked, operator)
    return { kind: 'not', of: this.#worded(asked, this.#reader.next('in, like or exists', operatorsOf(asked.rule))) }
  }

  /** As `read`, where the language has no opposites. */
  readPlain(first: Token): Condition<F> {
    const { asked, operator } = this.#begin(first)
    return this.#plain(asked, operator)
  }

  #begin(first: Token): { asked: Asked<F>; operator: Token } {
    const { conditions } = this.#grammar.limits
    const asked = this.#field(first)
    this.#conditions += 1
    if (this.#conditions > conditions) throw faultAt(first, `has more than ${conditions} conditions`)
    return { asked, operator: this.#reader.next('an operator', operatorsOf(asked.rule)) }
  }

  #plain(asked: Asked<F>, operator: Token): Condition<F> {
    return isSign(operator, '=') ? this.#equals(asked, operator) : this.#worded(asked, operator)
  }

  #field(first: Token): Asked<F> {
    const name = first.kind === 'word' ? first.text + this.#quotedRest(first) : undefined
    const found = name === undefined ? undefined : this.#grammar.find(name)
    if (found) return found
    throw faultAt(first, `has no field ${name?.slice(0, 60) ?? shown(first)}`, `fields are ${this.#grammar.fields}`)
  }

  /** A name may end in quotes: tag."odd name". */
  #quotedRest(first: Token): string {
    if (!this.#grammar.hasQuotedNames || !first.text.endsWith('.')) return ''
    const rest = this.#reader.peek()
    if (rest?.kind !== 'string' || rest.at !== first.end) return ''
    return this.#reader.next('a name').text
  }

  #equals({ field, rule }: Asked<F>, operator: Token): Condition<F> {
    if (!rule.operators.includes('equals')) throw cannotAsk({ field, rule }, operator)
    const value = rule.type === 'flag' ? String(this.#reader.boolean()) : this.#value({ field, rule })
    return { kind: 'one-of', field, values: [value] }
  }

  #worded(asked: Asked<F>, operator: Token): Condition<F> {
    const { field, rule } = asked
    const is = (word: 'in' | 'like' | 'exists') => rule.operators.includes(word) && isKeyword(operator, word)
    if (is('in')) return { kind: 'one-of', field, values: this.#list(asked) }
    if (is('like')) return { kind: 'contains', field, text: this.#string().text }
    if (is('exists')) return { kind: 'exists', field }
    throw cannotAsk(asked, operator)
  }

  #list(asked: Asked<F>): string[] {
    this.#reader.sign('(')
    const values = [this.#value(asked)]
    for (;;) {
      const token = this.#reader.next(', or )')
      if (isSign(token, ')')) return values
      if (!isSign(token, ',')) throw faultAt(token, `needs , or ) before ${shown(token)}`)
      values.push(this.#value(asked))
    }
  }

  #value({ field, rule }: Asked<F>): string {
    const token = this.#string()
    if (rule.values?.includes(token.text) === false)
      throw faultAt(token, `needs a ${field} of ${rule.values.map((value) => `"${value}"`).join(' or ')}`)
    return token.text
  }

  #string(): Token {
    const { values } = this.#grammar.limits
    const token = this.#reader.next('a string')
    if (token.kind !== 'string') throw faultAt(token, `needs a quoted string in place of ${shown(token)}`)
    this.#values += 1
    if (this.#values > values) throw faultAt(token, `has more than ${values} values`)
    return token
  }
}

function cannotAsk<F extends string>({ field, rule }: Asked<F>, operator: Token) {
  return faultAt(operator, `cannot ask ${field} with ${shown(operator)}`, operatorsOf(rule))
}

function operatorsOf(rule: FieldRule): string {
  return `operators are ${rule.operators.flatMap((operator) => SPELLED[operator]).join(', ')}`
}
