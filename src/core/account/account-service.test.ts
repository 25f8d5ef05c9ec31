import { beforeEach, describe, expect, it } from 'vitest'
import { type FixedClock, fixedClock } from '../../../test/support/fixed-clock.ts'
import { createTestCore, newScope } from '../../../test/support/test-core.ts'
import type { Core } from '../create-core.ts'
import { SYSTEM } from '../event/event.ts'
import type { Account } from './account.ts'

let clock: FixedClock
let core: Core
let account: Account

beforeEach(async () => {
  clock = fixedClock()
  core = createTestCore({ clock, limits: { loginFailures: 3, lockSeconds: 60 } })
  account = await core.accounts.create(SYSTEM, { email: 'Ops@Acme.example', password: 'right-one' })
})

const login = async (password: string, email = 'ops@acme.example') => (await core.accounts.login(email, password)).kind

describe('login', () => {
  it('takes the address in any case', async () => {
    expect(await login('right-one', 'OPS@acme.EXAMPLE')).toBe('welcome')
  })

  it('gives one answer for a wrong password and an unknown address', async () => {
    expect(await login('wrong-one')).toBe('wrong')
    expect(await login('right-one', 'nobody@acme.example')).toBe('wrong')
  })

  it('locks after the third failure in a row, even for the right password, and opens again', async () => {
    for (let failure = 0; failure < 3; failure++) expect(await login('wrong-one')).toBe('wrong')
    expect(await login('right-one')).toBe('locked')
    clock.advance({ seconds: 60 })
    expect(await login('right-one')).toBe('welcome')
  })

  it('forgets failures with a success', async () => {
    await login('wrong-one')
    await login('wrong-one')
    await login('right-one')
    await login('wrong-one')
    await login('wrong-one')
    expect(await login('right-one')).toBe('welcome')
  })

  it('counts 20 guesses at once, each of them', async () => {
    await Promise.all(Array.from({ length: 20 }, () => login('wrong-one')))
    expect(await login('right-one')).toBe('locked')
  })

  it('has a way out: unlocking, and setting a password', async () => {
    for (let failure = 0; failure < 3; failure++) await login('wrong-one')
    await core.accounts.unlock(SYSTEM, account.id)
    expect(await login('right-one')).toBe('welcome')
    for (let failure = 0; failure < 3; failure++) await login('wrong-one')
    await core.accounts.setPassword(SYSTEM, account.id, 'another-one')
    expect(await login('another-one')).toBe('welcome')
    expect((await core.accounts.find(account.serial))?.generation).toBe(2)
  })
})

describe('membership', () => {
  it('keeps the last owner of an organisation', async () => {
    const scope = await newScope(core)
    await core.accounts.setRole(scope, account.id, 'owner')
    await expect(core.accounts.setRole(scope, account.id, 'viewer')).rejects.toMatchObject({ code: 'in-use' })
    await expect(core.accounts.removeMember(scope, account.id)).rejects.toMatchObject({ code: 'in-use' })
    const second = await core.accounts.create(SYSTEM, { email: 'second@acme.example', password: 'right-one' })
    await core.accounts.setRole(scope, second.id, 'owner')
    await core.accounts.setRole(scope, account.id, 'viewer')
    expect((await core.accounts.organisationsOf(account.serial)).map((one) => one.role)).toEqual(['viewer'])
  })
})
