import { describe, expect, it } from 'vitest'
import { EXPRESSION_LIMITS, ExpressionError } from './expression.ts'
import { parseExpression } from './parse-expression.ts'

const FIELDS = {
  status: 'values',
  jobId: 'values',
  type: 'value',
  isDone: 'flag',
  name: 'text',
  'name.zh_CN': 'text',
} as const
const parse = (text: string) => parseExpression(text, FIELDS)

const oneOf = (field: string, ...values: string[]) => ({ kind: 'one-of', field, values })
const contains = (field: string, text: string) => ({ kind: 'contains', field, text })
const is = (value: boolean) => ({ kind: 'is', field: 'isDone', value })

describe('parseExpression', () => {
  it.each([
    ['', []],
    [' \n\t ', []],
    [`status = 'a'`, [oneOf('status', 'a')]],
    [`status="a"`, [oneOf('status', 'a')]],
    [`type = 'a'`, [oneOf('type', 'a')]],
    [`  status\n=\t'a'  `, [oneOf('status', 'a')]],
    [`status in('a')`, [oneOf('status', 'a')]],
    [`status IN ( 'a' , "b",'c')`, [oneOf('status', 'a', 'b', 'c')]],
    [`name.zh_CN like'固'`, [contains('name.zh_CN', '固')]],
    [`name LiKe ''`, [contains('name', '')]],
    [`isDone = true`, [is(true)]],
    [`isDone=FALSE`, [is(false)]],
    [`status='a'and jobId='b'AND isDone=True`, [oneOf('status', 'a'), oneOf('jobId', 'b'), is(true)]],
    [`status = 'it\\'s'`, [oneOf('status', `it's`)]],
    [`status = "it's"`, [oneOf('status', `it's`)]],
    [`status = "\\"\\\\\\'"`, [oneOf('status', `"\\'`)]],
    [`status = 'a AND b = (c)'`, [oneOf('status', 'a AND b = (c)')]],
    [`name like '100%_'`, [contains('name', '100%_')]],
  ])('%j', (text, conditions) => {
    expect(parse(text)).toEqual(conditions)
  })

  it.each([
    [`other = 'a'`, 'has no field other'],
    [`Status = 'a'`, 'has no field Status'],
    [`toString = 'a'`, 'has no field toString'],
    [`'a' = status`, 'has no field a string'],
    [`status`, 'ends where an operator should be'],
    [`status =`, 'ends where a string should be'],
    [`status = a`, 'needs a quoted string in place of a'],
    [`status = true`, 'needs a quoted string in place of true'],
    [`status like 'a'`, 'cannot ask status with like'],
    [`status <> 'a'`, 'cannot be read at character 7'],
    [`status and 'a'`, 'cannot ask status with and'],
    [`type in ('a')`, 'cannot ask type with in'],
    [`type like 'a'`, 'cannot ask type with like'],
    [`name = 'a'`, 'cannot ask name with ='],
    [`name in ('a')`, 'cannot ask name with in'],
    [`isDone in (true)`, 'cannot ask isDone with in'],
    [`isDone = 'true'`, 'needs true or false in place of a string'],
    [`status in 'a'`, 'needs ( before a string'],
    [`status in ()`, 'needs a quoted string in place of )'],
    [`status in ('a',)`, 'needs a quoted string in place of )'],
    [`status in ('a' 'b')`, 'needs , or ) before a string'],
    [`status in ('a'`, 'ends where , or ) should be'],
    [`status = 'a' OR jobId = 'b'`, 'needs and in place of OR'],
    [`status = 'a' AND`, 'ends where a field should be'],
    [`AND status = 'a'`, 'has no field AND'],
    [`status = 'a')`, 'needs and in place of )'],
    [`status = 'a`, 'cannot be read at character 9'],
    [`status = 'a\\n'`, 'cannot be read at character 9'],
    [`status = ''a'`, 'cannot be read at character 13'],
    [`status = 5`, 'cannot be read at character 9'],
  ])('refuses %j', (text, reason) => {
    expect(() => parse(text)).toThrow(new ExpressionError(reason))
  })

  it('has limits', () => {
    const { characters, conditions, values } = EXPRESSION_LIMITS
    const long = (length: number) => `status = '${'x'.repeat(length - 11)}'`
    expect(parse(long(characters))).toHaveLength(1)
    expect(() => parse(long(characters + 1))).toThrow(ExpressionError)
    const joined = (count: number) => Array.from({ length: count }, () => 'isDone=true').join(' AND ')
    expect(parse(joined(conditions))).toHaveLength(conditions)
    expect(() => parse(joined(conditions + 1))).toThrow(ExpressionError)
    const list = (count: number) => `status in (${Array.from({ length: count }, () => `'a'`).join()})`
    expect(parse(list(values))).toHaveLength(1)
    expect(() => parse(list(values + 1))).toThrow(ExpressionError)
  })

  it('reads the longest hostile text in no time', () => {
    const started = performance.now()
    for (const text of [`'${"\\'".repeat(2_000)}`, 'status'.repeat(600), ' '.repeat(4_096), '('.repeat(4_096)])
      try {
        parse(text)
      } catch (error) {
        expect(error).toBeInstanceOf(ExpressionError)
      }
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})
