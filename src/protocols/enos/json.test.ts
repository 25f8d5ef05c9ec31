import { describe, expect, it } from 'vitest'
import { parseJsonObject, parseWithNumberSources, textOf } from './json.ts'

describe('parseWithNumberSources', () => {
  it.each(['1.0', '1.10', '-0', '1e3', '12345678901234567890', '0.1000'])('keeps %s as it was written', (source) => {
    const value = parseWithNumberSources(`{"a": ${source}, "b": [{"c": ${source}}]}`)
    expect(textOf(value?.['a'])).toBe(source)
    expect(value?.['b']).toEqual([{ c: { source } }])
  })

  it('leaves strings, and takes nothing else for text', () => {
    const value = parseWithNumberSources('{"s":"1.0","n":null,"b":true,"o":{},"a":[]}') ?? {}
    expect(Object.values(value).map(textOf)).toEqual(['1.0', undefined, undefined, undefined, undefined])
  })

  it.each(['', '1', '"x"', 'null', '[]', '{', "{'a':1}", '{"a":1,}'])('is no object: %j', (text) => {
    expect(parseWithNumberSources(text)).toBeUndefined()
    expect(parseJsonObject(text)).toBeUndefined()
  })
})
