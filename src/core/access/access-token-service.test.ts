import { beforeEach, describe, expect, it } from 'vitest'
import { type FixedClock, fixedClock, START } from '../../../test/support/fixed-clock.ts'
import { createTestCore, newScope } from '../../../test/support/test-core.ts'
import type { Core } from '../create-core.ts'
import type { Scope } from '../service.ts'
import type { AccessKey } from './access-key.ts'
import { ACCESS_TOKEN_LIFETIME_MS, ACCESS_TOKEN_OVERLAP_MS, type OneTimeUse } from './access-token-service.ts'

let clock: FixedClock
let core: Core
let scope: Scope
let accessKey: AccessKey
let uses = 0
beforeEach(async () => {
  clock = fixedClock()
  core = createTestCore({ clock })
  scope = await newScope(core)
  accessKey = (await core.accessKeys.create(scope, { secret: 's' })).accessKey
})

function once(key = `use-${++uses}`): OneTimeUse {
  return { purpose: 'test', key, expiresAt: START + 10 * ACCESS_TOKEN_LIFETIME_MS }
}

async function obtain(use = once()): Promise<string> {
  const answer = await core.accessTokens.obtain(accessKey, use)
  return answer.kind === 'token' ? answer.token : answer.kind
}

async function renew(token: string, of = accessKey, use = once()): Promise<string> {
  const answer = await core.accessTokens.renew(of, token, use)
  return answer.kind === 'token' ? answer.token : answer.kind
}

const isGood = async (token: string) => (await core.accessTokens.authenticate(token)) !== undefined

describe('AccessTokenService', () => {
  it('hands out one token while it lives, with its secret', async () => {
    const token = await obtain()
    clock.advance({ millis: ACCESS_TOKEN_LIFETIME_MS - 1 })
    expect(await obtain()).toBe(token)
    expect(await core.accessTokens.authenticate(token)).toMatchObject({ accessKey, secret: 's' })
    clock.advance({ millis: 1 })
    expect(await isGood(token)).toBe(false)
    expect(await obtain()).not.toBe(token)
  })

  it('hands out one token to many at once', async () => {
    const tokens = await Promise.all(Array.from({ length: 8 }, () => obtain()))
    expect(new Set(tokens).size).toBe(1)
  })

  it('renews, with an overlap for the old token', async () => {
    const token = await obtain()
    expect(await isGood(token)).toBe(true)
    const fresh = await renew(token)
    expect(await obtain()).toBe(fresh)
    clock.advance({ millis: ACCESS_TOKEN_OVERLAP_MS - 1 })
    expect(await isGood(token)).toBe(true)
    clock.advance({ millis: 1 })
    expect(await isGood(token)).toBe(false)
    expect(await isGood(fresh)).toBe(true)
  })

  it('never lengthens the life of a token by renewing it', async () => {
    const token = await obtain()
    clock.advance({ millis: ACCESS_TOKEN_LIFETIME_MS - 1000 })
    await renew(token)
    clock.advance({ millis: 1000 })
    expect(await isGood(token)).toBe(false)
  })

  it('answers a second renewal of one token with the first, and never more than one is current', async () => {
    const token = await obtain()
    const renewed = await Promise.all([renew(token), renew(token), renew(token)])
    expect(new Set(renewed).size).toBe(1)
    expect(await obtain()).toBe(renewed[0])
  })

  it("refuses to renew another key's token, one that is over, and none at all", async () => {
    const { accessKey: other } = await core.accessKeys.create(scope, {})
    const token = await obtain()
    expect(await renew(token, other)).toBe('foreign')
    expect(await renew('nobody')).toBe('expired')
    clock.advance({ millis: ACCESS_TOKEN_LIFETIME_MS })
    expect(await renew(token)).toBe('expired')
  })

  it('counts a request once, also when its answer was a refusal', async () => {
    expect(await obtain(once('a'))).not.toBe('replayed')
    expect(await obtain(once('a'))).toBe('replayed')
    expect(await renew('nobody', accessKey, once('b'))).toBe('expired')
    expect(await renew('nobody', accessKey, once('b'))).toBe('replayed')
    expect(await core.accessTokens.useOnce(once('c'))).toBe(true)
    expect(await core.accessTokens.useOnce(once('c'))).toBe(false)
  })

  it('sees changes of the key at once', async () => {
    const token = await obtain()
    expect(await core.accessTokens.authenticate(token)).toMatchObject({ accessKey: { disabled: false } })
    await core.accessKeys.update(scope, accessKey.id, { disabled: true })
    expect(await core.accessTokens.authenticate(token)).toMatchObject({ accessKey: { disabled: true } })
    await core.accessKeys.delete(scope, accessKey.id)
    expect(await isGood(token)).toBe(false)
  })
})
