import { describe, expect, it } from 'vitest'
import { readProblem, ServerRefusal } from '../client/problem.ts'
import { confirmed } from './confirmed.ts'
import { Options } from './options.ts'

const WORDS = 'It would start 1 update: rollout spring (1.3.0) takes in 1 device (truck-1).'

function refusal(code = 'confirmation-needed') {
  const facts = { words: WORDS, token: 'a.b.c' }
  return new ServerRefusal(readProblem(409, JSON.stringify({ code, detail: 'Refused.', facts })))
}

/** A server that wants this token, and what it was sent. */
function server() {
  const sent: Array<string | undefined> = []
  const send = async (confirm: string | undefined) => {
    sent.push(confirm)
    if (confirm !== 'a.b.c') throw refusal()
    return { key: 'truck-1' }
  }
  return { sent, send }
}

const call = (given: Record<string, unknown> = {}) => ({ options: new Options(given) })

function terminal(answer: string | undefined) {
  const asked: string[] = []
  return {
    asked,
    isInteractive: () => answer !== undefined,
    ask: async (question: string) => {
      asked.push(question)
      return answer ?? ''
    },
  }
}

describe('a change that must be confirmed', () => {
  it('goes through with the token that is given', async () => {
    const { sent, send } = server()
    expect(await confirmed(call({ confirm: 'a.b.c' }), send, terminal(undefined))).toEqual({ key: 'truck-1' })
    expect(sent).toEqual(['a.b.c'])
  })

  it.each(['y', 'yes', ' Y '])('is sent again after a "%s" at the terminal', async (answer) => {
    const { sent, send } = server()
    const person = terminal(answer)
    expect(await confirmed(call(), send, person)).toEqual({ key: 'truck-1' })
    expect(person.asked).toEqual([`${WORDS}\nGo on? [y/N] `])
    expect(sent).toEqual([undefined, 'a.b.c'])
  })

  it.each(['', 'n', 'yesterday'])('is left alone after a "%s"', async (answer) => {
    const { sent, send } = server()
    await expect(confirmed(call(), send, terminal(answer))).rejects.toThrow('nothing was changed')
    expect(sent).toEqual([undefined])
  })

  it('fails without a terminal, and says how to go on', async () => {
    await expect(confirmed(call(), server().send, terminal(undefined))).rejects.toThrow(
      `${WORDS}\n  to go on, repeat it with --confirm a.b.c`,
    )
  })

  it('passes any other refusal on', async () => {
    const error = refusal('conflict')
    const send = () => Promise.reject(error)
    await expect(confirmed(call(), send, terminal('y'))).rejects.toBe(error)
  })
})
