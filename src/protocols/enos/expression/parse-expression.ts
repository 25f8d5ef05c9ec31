import type { Condition as CoreCondition } from '../../../core/filter/expression.ts'
import { ExpressionFault, type FieldRule, type Grammar } from '../../../core/filter/grammar.ts'
import { parseConjunction } from '../../../core/filter/parse-expression.ts'
import { type Condition, EXPRESSION_LIMITS, ExpressionError, type FieldKind, type Fields } from './expression.ts'

const RULES: Readonly<Record<FieldKind, FieldRule>> = {
  values: { type: 'text', operators: ['equals', 'in'] },
  value: { type: 'text', operators: ['equals'] },
  flag: { type: 'flag', operators: ['equals'] },
  text: { type: 'text', operators: ['like'] },
}

/**
 * The conditions of an expression over these fields; a blank text has none. Throws `ExpressionError` for whatever the
 * grammar, the field or the limits do not allow.
 */
export function parseExpression<F extends string>(text: string, fields: Fields<F>): Condition<F>[] {
  try {
    return parseConjunction(text, grammarOf(fields)).map((condition) => toCondition(condition, fields))
  } catch (error) {
    throw error instanceof ExpressionFault ? toExpressionError(error, text) : error
  }
}

function grammarOf<F extends string>(fields: Fields<F>): Grammar<F> {
  const names = Object.keys(fields) as F[]
  const byName = new Map<string, { field: F; rule: FieldRule }>(
    names.map((field) => [field, { field, rule: RULES[fields[field]] }]),
  )
  return {
    find: (name) => byName.get(name),
    fields: names.join(', '),
    hasQuotedNames: false,
    limits: EXPRESSION_LIMITS,
  }
}

function toCondition<F extends string>(condition: CoreCondition<F>, fields: Fields<F>): Condition<F> {
  switch (condition.kind) {
    case 'one-of': {
      const { field, values } = condition
      return fields[field] === 'flag' ? { kind: 'is', field, value: values.includes('true') } : condition
    }
    case 'contains':
      return condition
    case 'exists':
      throw new ExpressionError(`cannot ask ${condition.field} with exists`)
  }
}

/** The place is said only of what cannot be read, and is where the readable part ends. */
function toExpressionError({ message, position, isUnreadable }: ExpressionFault, text: string): ExpressionError {
  const readable = text.slice(0, position - 1).trimEnd()
  return new ExpressionError(isUnreadable ? `${message} at character ${readable.length + 1}` : message)
}
