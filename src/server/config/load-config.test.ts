import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig, maskedConfig } from './load-config.ts'

let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'godwit-config-'))
})
afterEach(() => rmSync(cwd, { recursive: true }))

const load = (env: Record<string, string> = {}, flags: Record<string, string> = {}) => loadConfig({ cwd, env, flags })
const yaml = (text: string) => writeFileSync(join(cwd, 'godwit.yaml'), text)

describe('configuration', () => {
  it('takes the flag before the environment before the file before the default', () => {
    expect(load().port).toBe(8080)
    yaml('port: 1000\nhost: 0.0.0.0\n')
    const env = { GODWIT_DATA: '.', GODWIT_PORT: '2000' }
    expect(load({ GODWIT_DATA: '.' }).port).toBe(1000)
    expect(load(env).port).toBe(2000)
    expect(load(env, { port: '3000' })).toMatchObject({ port: 3000, host: '0.0.0.0', data: cwd })
  })

  it.each([
    ['a port that is none', { GODWIT_PORT: 'eighty' }, /^GODWIT_PORT: must be a number$/],
    ['a port beyond all ports', { GODWIT_PORT: '99999' }, /^GODWIT_PORT: must be at most 65535$/],
    ['a proxy that is no address', { GODWIT_TRUSTED_PROXIES: 'loopback,foo' }, 'trustedProxies: "foo"'],
    ['a database that is not PostgreSQL', { GODWIT_DATABASE_URL: 'mysql://x' }, 'GODWIT_DATABASE_URL'],
    ['a log level that is none', { GODWIT_LOG: 'loud' }, 'GODWIT_LOG'],
    ['TLS with half a pair', { GODWIT_TLS_CERT: 'cert.pem' }, 'GODWIT_TLS_KEY'],
    ['PostgreSQL without a master key', { GODWIT_DATABASE_URL: 'postgres://h/d' }, 'GODWIT_MASTER_KEY'],
  ])('names what is wrong: %s', (_name, env: Record<string, string>, named: string | RegExp) => {
    expect(() => load(env)).toThrow(named)
  })

  it('refuses unknown keys of the file', () => {
    yaml('prot: 80\n')
    expect(() => load({ GODWIT_DATA: '.' })).toThrow('unknown key prot')
    yaml('limits: { loginFailure: 3 }\n')
    expect(() => load({ GODWIT_DATA: '.' })).toThrow('unknown key loginFailure')
  })

  it('refuses a database whose changes would never be known in time', () => {
    yaml('database: { changePollMs: 1500 }\n')
    expect(() => load({ GODWIT_DATA: '.' })).toThrow('database.changeTrustMs must be at least twice')
    yaml('database: { changePollMs: 1500, changeTrustMs: 3000 }\n')
    expect(load({ GODWIT_DATA: '.' }).database).toEqual({ changePollMs: 1500, changeTrustMs: 3000 })
  })

  it('says where the file is no YAML, in one line', () => {
    yaml('port: [1\n')
    expect(() => load({ GODWIT_DATA: '.' })).toThrow(/godwit\.yaml is not YAML: .* at line 2, column 1$/)
  })

  it('masks secrets when it is shown', () => {
    const shown = maskedConfig(load({ GODWIT_OWNER_PASSWORD: 'a-secret-one', GODWIT_MASTER_KEY: 'another' }))
    expect(JSON.stringify(shown)).not.toMatch(/a-secret-one|another/)
    expect(shown['ownerPassword']).toBe('***')
  })
})
