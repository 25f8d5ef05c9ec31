import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { credentialsPath, forgetLogin, storedLogin, storeLogin } from './credentials-file.ts'

const folder = await temporaryFolder()
afterAll(() => folder.remove())
let count = 0
const newPath = () => credentialsPath({ XDG_CONFIG_HOME: join(folder.path, String(count++)) })

const A = { server: 'http://a.example/', email: 'ops@a.example', token: 'gdw_a' }
const B = { server: 'http://b.example/', email: 'ops@b.example', token: 'gdw_b', expiresAt: '2026-11-01T00:00:00Z' }

it('lies where XDG says, else below the home directory', () => {
  expect(credentialsPath({ XDG_CONFIG_HOME: '/x' })).toBe('/x/godwit/credentials.json')
  expect(credentialsPath({})).toMatch(/\/\.config\/godwit\/credentials\.json$/)
})

it('gives the last login where no server is named, and only its own to each server', () => {
  const path = newPath()
  storeLogin(path, A)
  storeLogin(path, B)
  expect(storedLogin(path, undefined)).toEqual(B)
  expect(storedLogin(path, A.server)).toEqual(A)
  expect(storedLogin(path, 'http://c.example/')).toBeUndefined()
})

it('is for its owner alone', () => {
  const path = newPath()
  storeLogin(path, A)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o700)
})

it('forgets one login and goes with the last', () => {
  const path = newPath()
  storeLogin(path, A)
  storeLogin(path, B)
  forgetLogin(path, B.server)
  expect(storedLogin(path, undefined)).toBeUndefined()
  expect(storedLogin(path, A.server)).toEqual(A)
  forgetLogin(path, A.server)
  expect(existsSync(path)).toBe(false)
})

it('says what to do about a file that is none', () => {
  const path = newPath()
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, 'not JSON')
  expect(() => storedLogin(path, undefined)).toThrow(/log in again/)
})
