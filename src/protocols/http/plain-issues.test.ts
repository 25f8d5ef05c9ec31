import { expect, it } from 'vitest'
import { z } from 'zod'
import './plain-issues.ts'

const said = (schema: z.ZodType, value: unknown) => schema.safeParse(value).error?.issues[0]?.message

it.each([
  ['a member that is not there', z.object({ key: z.string() }), {}, 'is missing'],
  ['null for a whole document', z.object({}), null, 'must be an object'],
  ['a number where text belongs', z.string(), 7, 'must be text'],
  ['what is no number', z.coerce.number(), 'abc', 'must be a number'],
  ['a fraction', z.number().int(), 1.5, 'must be a whole number'],
  ['nothing', z.string().min(1), '', 'must not be empty'],
  ['a short text', z.string().min(8), 'abc', 'must have at least 8 characters'],
  ['a long list', z.array(z.string()).max(1), ['a', 'b'], 'must have at most 1 entries'],
  ['a large number', z.number().max(65_535), 99_999, 'must be at most 65535'],
  ['a small number', z.number().min(1), 0, 'must be at least 1'],
  ['another word', z.enum(['all', 'chunks']), 'some', 'must be one of all, chunks'],
  ['an unknown member', z.strictObject({}), { token: 1 }, '"token" is not known here'],
  ['no address', z.url(), 'foo', 'must be an address such as https://ota.example.com'],
  ['neither of two', z.union([z.string(), z.number()]), true, 'is not valid'],
])('says %s plainly', (_name, schema, value, sentence) => {
  expect(said(schema, value)).toBe(sentence)
})

it('leaves a message of its own to a schema', () => {
  expect(said(z.string().regex(/^a/, 'must begin with a'), 'b')).toBe('must begin with a')
})
