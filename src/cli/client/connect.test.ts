import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { EXIT } from '../exit.ts'
import { type ConnectionFlags, connect, serverUrl } from './connect.ts'
import { credentialsPath, storeLogin } from './credentials-file.ts'

const folder = await temporaryFolder()
afterAll(() => folder.remove())
const BASE = { XDG_CONFIG_HOME: join(folder.path, 'none') }
const KEPT = { XDG_CONFIG_HOME: join(folder.path, 'kept') }
storeLogin(credentialsPath(KEPT), { server: 'http://kept.example/', email: 'ops@kept.example', token: 'gdw_kept' })

async function chosen(flags: ConnectionFlags, env: Record<string, string>) {
  const { server, token, organisation } = (await connect(flags, env)).api.connection
  return [server.href, token, organisation]
}

describe('server and account', () => {
  it('options come before the environment', async () => {
    const env = { ...BASE, GODWIT_SERVER: 'http://env.example', GODWIT_TOKEN: 'gdw_env', GODWIT_ORGANISATION: 'env' }
    expect(await chosen({}, env)).toEqual(['http://env.example/', 'gdw_env', 'env'])
    const flags = { server: 'https://flag.example', token: 'gdw_flag', organisation: 'flag' }
    expect(await chosen(flags, env)).toEqual(['https://flag.example/', 'gdw_flag', 'flag'])
  })

  it('the kept login serves where nothing else is said', async () => {
    expect(await chosen({}, KEPT)).toEqual(['http://kept.example/', 'gdw_kept', undefined])
    expect(await chosen({}, { ...KEPT, GODWIT_TOKEN: 'gdw_env' })).toEqual([
      'http://kept.example/',
      'gdw_env',
      undefined,
    ])
  })

  it('a kept token never goes to another server', async () => {
    await expect(connect({ server: 'http://other.example' }, KEPT)).rejects.toThrow(
      /no account for http:\/\/other.example/,
    )
  })

  it('says how to log in where there is no account', async () => {
    await expect(connect({}, BASE)).rejects.toThrow(/godwit login/)
  })

  it('asks for a password only on a terminal', async () => {
    await expect(connect({ email: 'ops@acme.example' }, BASE)).rejects.toMatchObject({ exitCode: EXIT.usage })
  })
})

it.each([
  ['ota.example.com', 'http://ota.example.com/'],
  ['https://ota.example.com:8443/godwit', 'https://ota.example.com:8443/godwit'],
  ['http://127.0.0.1:8080/?x#y', 'http://127.0.0.1:8080/'],
])('%s is %s', (text, href) => {
  expect(serverUrl(text).href).toBe(href)
})

it.each(['http://', 'ftp://ota.example.com'])('an address that is none is wrong usage: %s', (text) => {
  expect(() => serverUrl(text)).toThrow(expect.objectContaining({ exitCode: EXIT.usage }))
})
