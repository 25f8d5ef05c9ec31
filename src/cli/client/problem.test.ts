import { describe, expect, it } from 'vitest'
import { EXIT } from '../exit.ts'
import { readProblem, ServerRefusal } from './problem.ts'

const sentence = (status: number, body: unknown) =>
  new ServerRefusal(readProblem(status, typeof body === 'string' ? body : JSON.stringify(body))).message

describe('a refusal of the server', () => {
  it('is the sentence of its detail, and exit code 1', () => {
    const problem = { title: 'No such thing', detail: 'No such device: x', status: 404, code: 'not-found' }
    const refusal = new ServerRefusal(readProblem(404, JSON.stringify(problem)))
    expect(refusal.message).toBe('No such device: x')
    expect(refusal.problem.code).toBe('not-found')
    expect(refusal.exitCode).toBe(EXIT.failed)
  })

  it('does not repeat the one error that its detail tells', () => {
    const errors = [{ in: 'body', pointer: '/key', detail: 'is taken' }]
    expect(sentence(409, { title: 'Taken', detail: 'key: is taken', errors })).toBe('Taken: key: is taken')
  })

  it('tells several errors, and those of lines, each on a line of its own', () => {
    const errors = [
      { line: 2, pointer: '/iotaap/token', detail: 'must be 12 letters or digits' },
      { line: 7, pointer: '', detail: 'is not JSON' },
    ]
    expect(sentence(422, { title: 'Some lines are bad', detail: '2 of 9 lines are bad.', errors })).toBe(
      '2 of 9 lines are bad.\n  line 2 /iotaap/token: must be 12 letters or digits\n  line 7: is not JSON',
    )
  })

  it('tells twenty errors and counts the rest', () => {
    const errors = Array.from({ length: 25 }, (_, index) => ({ line: index + 1, pointer: '', detail: 'bad' }))
    const lines = sentence(422, { title: 'Bad', detail: 'all', errors }).split('\n')
    expect(lines).toHaveLength(22)
    expect(lines.at(-1)).toBe('  … and 5 more')
  })

  it('names the organisations to choose from', () => {
    const facts = { organisations: ['acme', 'other'] }
    expect(sentence(400, { title: 'Say which organisation', detail: 'Name it.', facts })).toContain(
      'yours are: acme, other',
    )
  })

  it.each(['<html>Bad gateway</html>', '', '[]', '"text"'])('survives a body of somebody else: %s', (body) => {
    expect(sentence(502, body)).toBe('The server answered 502')
  })
})
