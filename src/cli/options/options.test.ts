import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { EXIT } from '../exit.ts'
import { bodyOf, type Field, withFields } from './fields.ts'
import { labelsOf, Options } from './options.ts'

const FIELDS: readonly Field[] = [
  { member: 'name', flag: 'name', kind: 'text', meaning: '' },
  { member: 'group', flag: 'group', kind: 'nullable', meaning: '' },
  { member: 'tags', flag: 'tag', kind: 'labels', meaning: '' },
  { member: 'number', flag: 'number', kind: 'number', meaning: '' },
  { member: 'disabled', flag: 'disable', kind: 'on', meaning: '' },
  { member: 'disabled', flag: 'enable', kind: 'off', meaning: '' },
]

function body(...argv: string[]): Record<string, unknown> {
  const command = withFields(new Command().exitOverride(), FIELDS, 'change')
  command.parse(argv, { from: 'user' })
  return bodyOf(FIELDS, new Options(command.opts()))
}

const wrongUsage = expect.objectContaining({ exitCode: EXIT.usage })

describe('members of a body from options', () => {
  it.each([
    [[], {}],
    [['--name', 'x'], { name: 'x' }],
    [['--group', 'pilot'], { group: 'pilot' }],
    [['--no-group'], { group: null }],
    [['--tag', 'a=1', '--tag', 'b=x=y', '--remove-tag', 'c'], { tags: { a: '1', b: 'x=y', c: null } }],
    [['--number', '17'], { number: 17 }],
    [['--disable'], { disabled: true }],
    [['--enable'], { disabled: false }],
  ])('%j is %j', (argv, expected) => {
    expect(body(...argv)).toEqual(expected)
  })

  it.each([['1.5'], ['-1'], ['x'], ['99999999999999999999']])('%s is no whole number', (text) => {
    expect(() => body(`--number=${text}`)).toThrow(wrongUsage)
  })
})

it('labels may be empty and hold signs of equality', () => {
  expect(labelsOf(['a=', 'b==', 'c=d=e'], '--tag')).toEqual({ a: '', b: '=', c: 'd=e' })
  expect(() => labelsOf(['=x'], '--tag')).toThrow(wrongUsage)
  expect(() => labelsOf(['x'], '--tag')).toThrow(wrongUsage)
})
