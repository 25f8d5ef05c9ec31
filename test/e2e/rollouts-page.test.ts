import { afterAll, beforeAll, expect, it } from 'vitest'
import { PageRun } from '../support/page-run.ts'

let page: PageRun
beforeAll(async () => {
  page = await PageRun.start('docs/rollouts.md')
})
afterAll(() => page.stop())

it('the tour of docs/rollouts.md does what it says', () => {
  const { status, output, under } = page.run()
  expect(status, output).toBe(0)
  expect(page.headings).toEqual(['A tour of five minutes'])
  const lines = under('A tour of five minutes').split('\n')
  const checks = lines.filter((line) => line.startsWith('{"action"')).map((line) => JSON.parse(line))
  const actions = checks.map(({ action, because }) => `${action} ${because}`)
  expect(actions.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 'none nothing-assigned'))
  expect(actions.slice(20, 24)).toEqual(['update assigned', 'update assigned', 'update assigned', 'none stage-full'])
  expect(actions.slice(24, 27)).toEqual(Array.from({ length: 3 }, () => 'none up-to-date'))
  expect(checks[27]).toMatchObject({ action: 'update', update: { version: '1.0.0' } })
  for (const words of [
    'Stage 1 of rollout spring is for 3 devices, which all came before it.',
    /^progress +Running, stage 1 of 3: 3 succeeded\.$/m,
    /^waits .*Stage 2 of 3 begins when 1 device of stage 1 has matured; 0 have\.$/m,
    /^lamp-1 +succeeded +1 /m,
    /^lamp-\d+ +open +2 /m,
    /^spring: Paused at stage 2 of 3: 3 succeeded, \d+ under way\./m,
    'Rollout spring is paused.',
    'Stopped by an operator at stage 2 of 3: the end of the tour.',
    /^spring-undo +undo +lamp +1\.1\.0 +running /m,
    /^spring +update +lamp +1\.1\.0 +stopped /m,
  ])
    expect(lines.join('\n')).toMatch(words)
})
