import { beforeEach, describe, expect, it } from 'vitest'
import { type FixedClock, fixedClock } from '../../../../test/support/fixed-clock.ts'
import { createTestCore } from '../../../../test/support/test-core.ts'
import type { Core } from '../../create-core.ts'
import { isOtaError } from '../../errors.ts'
import { changeOf, requireConfirmation } from './confirmation.ts'
import { REMEMBERED, Starts } from './starts.ts'

let clock: FixedClock
let core: Core

beforeEach(() => {
  clock = fixedClock()
  core = createTestCore({ clock })
})

function startsOf(devices: readonly number[], rollout = 'r1'): Starts {
  const starts = new Starts()
  for (const device of devices)
    starts.add({
      device: { id: String(device).padStart(24, '0'), key: `d${device}` },
      offer: { rollout: { id: rollout, key: 'spring' }, version: '1.2.0' },
    })
  return starts
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)
const CHANGE = changeOf('devices.change', 'id-1', { tags: { site: 'graz' } })
const ask = (starts: Starts, token?: string, given: { organisations?: number[]; change?: string } = {}) =>
  requireConfirmation(core.deps, { organisations: [1], change: CHANGE, starts, ...given }, token)

/** The token of the refusal. */
async function refusal(asking: Promise<void>): Promise<Record<string, unknown> & { token: string }> {
  const error = await asking.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!isOtaError(error, 'confirmation-needed')) throw new Error('it was not refused')
  return { ...error.details, message: error.message, token: String(error.details['token']) }
}

describe('a confirmation', () => {
  it('is not asked for where nothing starts', async () => {
    await expect(ask(new Starts())).resolves.toBeUndefined()
  })

  it('says what would start, and is good for exactly that', async () => {
    const { token, ...facts } = await refusal(ask(startsOf([1, 2])))
    expect(facts).toEqual({
      message:
        'It would start 2 updates: rollout spring (1.2.0) takes in 2 devices (d1, d2). Repeat it with the token to confirm.',
      words: 'It would start 2 updates: rollout spring (1.2.0) takes in 2 devices (d1, d2).',
      devices: 2,
      examples: ['d1', 'd2'],
      rollouts: [{ id: 'r1', key: 'spring', version: '1.2.0', devices: 2 }],
      expiresInSeconds: 600,
    })
    await expect(ask(startsOf([1, 2]), token)).resolves.toBeUndefined()
    await expect(ask(startsOf([2, 1]), token)).resolves.toBeUndefined()
  })

  it('is good for less than was shown, not for more or for others', async () => {
    const { token } = await refusal(ask(startsOf([1, 2])))
    await expect(ask(startsOf([2]), token)).resolves.toBeUndefined()
    const more = await refusal(ask(startsOf([1, 2, 3]), token))
    expect(more['devices']).toBe(3)
    expect(more['message']).toContain('The token given is for something else, or expired.')
    await expect(ask(startsOf([1, 2, 3]), more.token)).resolves.toBeUndefined()
    await refusal(ask(startsOf([1], 'r2'), token))
    await refusal(ask(startsOf([7]), token))
  })

  it('is good for this change, here, for a while', async () => {
    const { token } = await refusal(ask(startsOf([1])))
    await refusal(ask(startsOf([1]), token, { change: changeOf('devices.change', 'id-1', { tags: { site: 'wien' } }) }))
    await refusal(ask(startsOf([1]), token, { organisations: [2] }))
    await refusal(ask(startsOf([1]), token, { organisations: [1, 2] }))
    clock.advance({ seconds: 599 })
    await expect(ask(startsOf([1]), token)).resolves.toBeUndefined()
    clock.advance({ seconds: 1 })
    await refusal(ask(startsOf([1]), token))
  })

  it('is nothing that anybody can make up', async () => {
    await refusal(ask(startsOf([1]), 'anything'))
    const claims = { organisations: '1', change: CHANGE, ...startsOf([1]).memory }
    await refusal(ask(startsOf([1]), await core.deps.tokens.sign('another-family', claims, 600)))
  })

  it('of many updates is good for all of them together', async () => {
    const many = numbers(REMEMBERED + 1)
    const { token, examples } = await refusal(ask(startsOf(many)))
    expect(token.length).toBeLessThan(1_000)
    expect(examples).toHaveLength(10)
    await expect(ask(startsOf(many), token)).resolves.toBeUndefined()
    await refusal(ask(startsOf([...many, 9_999]), token))
    await refusal(ask(startsOf(many.slice(1)), token))
    const fewer = await refusal(ask(startsOf(numbers(REMEMBERED))))
    expect(fewer.token.length).toBeLessThan(4_500)
    await refusal(ask(startsOf(many), fewer.token))
  })
})

describe('the name of a change', () => {
  it.each([
    ['the order of members does not count', [{ a: 1, b: { c: 2, d: 3 } }], [{ b: { d: 3, c: 2 }, a: 1 }], true],
    ['absent members do not count', [{ a: 1, b: undefined }], [{ a: 1 }], true],
    ['null counts', [{ a: 1, b: null }], [{ a: 1 }], false],
    ['the order of a list counts', [{ add: ['x', 'y'] }], [{ add: ['y', 'x'] }], false],
    ['a list is no object', [[['a', 1]]], [{ a: 1 }], false],
    ['parts do not run into each other', ['a', 'b'], ['ab'], false],
  ])('%s', (_, left, right, isSame) => {
    expect(changeOf(...left) === changeOf(...right)).toBe(isSame)
  })
})
