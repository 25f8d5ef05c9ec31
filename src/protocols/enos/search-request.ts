import type { Serial } from '../../core/common.ts'
import type { Core } from '../../core/create-core.ts'
import { invalidArgument } from './errors.ts'
import { type Condition, ExpressionError, type Fields } from './expression/expression.ts'
import { type Page, parsePagination } from './expression/pagination.ts'
import { parseExpression } from './expression/parse-expression.ts'
import type { JsonObject } from './json.ts'
import { SLOT } from './names.ts'

export interface SearchRequest<F extends string> {
  readonly conditions: readonly Condition<F>[]
  readonly page: Page
}

/** [enos 3.6] The body `{expression?, pagination?}` of every search. Throws `EnosFailure`. */
export function searchRequest<F extends string>(body: JsonObject, fields: Fields<F>): SearchRequest<F> {
  const page = parsePagination(body['pagination'])
  if ('wrong' in page) throw invalidArgument(page.wrong, 'is out of range')
  return { conditions: conditionsOf(body['expression'], fields), page }
}

function conditionsOf<F extends string>(expression: unknown, fields: Fields<F>): Condition<F>[] {
  if (expression === undefined || expression === null) return []
  if (typeof expression !== 'string') throw invalidArgument('expression', 'must be a string')
  try {
    return parseExpression(expression, fields)
  } catch (error) {
    if (error instanceof ExpressionError) throw invalidArgument('expression', error.message)
    throw error
  }
}

/** The values that all conditions on a field allow; undefined when there is none on it. */
export function allowedValues<F extends string>(conditions: readonly Condition<F>[], field: F): string[] | undefined {
  let allowed: string[] | undefined
  for (const condition of conditions) {
    if (condition.kind !== 'one-of' || condition.field !== field) continue
    const { values } = condition
    allowed = allowed === undefined ? [...new Set(values)] : allowed.filter((value) => values.includes(value))
  }
  return allowed
}

/** The products that the conditions on `productKey` allow; undefined when there are none. An unknown key allows none. */
export async function productsNamed(
  core: Core,
  organisation: Serial,
  conditions: readonly Condition<string>[],
): Promise<Serial[] | undefined> {
  const keys = allowedValues(conditions, 'productKey')
  if (keys === undefined) return undefined
  const products = await Promise.all(keys.map((key) => core.products.findByAlias(organisation, SLOT.productKey, key)))
  return products.flatMap((product) => (product ? [product.serial] : []))
}
