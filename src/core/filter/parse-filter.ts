import { invalid } from '../errors.ts'
import { FIELD_WORDS, FILTER_LIMITS, type Filter, type FilterField, findFilterField } from './filter.ts'
import { ExpressionFault, type NestedGrammar } from './grammar.ts'
import { parseExpression } from './parse-expression.ts'

const GRAMMAR: NestedGrammar<FilterField> = {
  find: findFilterField,
  fields: FIELD_WORDS,
  hasQuotedNames: true,
  limits: FILTER_LIMITS,
}

/**
 * The filter that a text means; a blank one means every device. Throws `invalid` on `field` with the position (from 1)
 * in the sentence and in `details.position`.
 */
export function parseFilter(text: string, field = 'filter'): Filter {
  try {
    return parseExpression(text, GRAMMAR)
  } catch (error) {
    if (!(error instanceof ExpressionFault)) throw error
    const { message, position, expected } = error
    const reason = `${message} at character ${position}${expected === undefined ? '' : `; ${expected}`}`
    throw invalid(field, reason, { position })
  }
}
