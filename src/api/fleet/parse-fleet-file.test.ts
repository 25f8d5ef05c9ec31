import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { blocksOf } from '../../../test/support/markdown.ts'
import { parseFleetFile } from './parse-fleet-file.ts'

it.each([
  ['an empty file', '\n', 'line 1: the file: must be an object'],
  [
    'a list where a key belongs',
    'organisations:\n  - key: acme\n   products: [\n',
    'line 3: Sequence item without - indicator',
  ],
  [
    'an alias without its anchor',
    'organisations: *none\n',
    'line 1: Unresolved alias (the anchor must be set before the alias): none',
  ],
  [
    'a device without a key',
    'organisations:\n  - key: acme\n    devices: [{ name: x }]\n',
    'line 3: organisations.0.devices.0.key: is missing',
  ],
])('tells of %s in one line', (_name, text, sentence) => {
  const fault = expect.objectContaining({ code: 'invalid', message: sentence })
  expect(() => parseFleetFile(text)).toThrow(fault)
})

it('takes what docs/guards.md shows', () => {
  const page = fileURLToPath(new URL('../../../docs/guards.md', import.meta.url))
  const [example] = blocksOf(page).filter(({ language }) => language === 'yaml')
  const [acme] = parseFleetFile(example?.text ?? '').fleet.organisations
  expect(acme?.floors).toEqual([{ product: 'panel', version: 'rev-b', reason: 'moves the partitions' }])
  expect(acme?.firmware?.map(({ sequence, fromVersions }) => ({ sequence, fromVersions }))).toEqual([
    { sequence: 10 },
    { sequence: 20, fromVersions: 'rev-a' },
  ])
})

it('takes what docs/rollouts.md shows', () => {
  const page = fileURLToPath(new URL('../../../docs/rollouts.md', import.meta.url))
  const [example] = blocksOf(page).filter(({ language }) => language === 'yaml')
  const [acme] = parseFleetFile(example?.text ?? '').fleet.organisations
  expect(acme?.rollouts).toMatchObject([
    { key: 'spring', state: 'running', stages: [{ percent: 5 }, { approvals: 1 }] },
  ])
})
