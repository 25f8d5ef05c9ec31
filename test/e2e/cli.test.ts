import { randomBytes } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CommandLine, commandLine } from '../support/command-line.ts'
import { OWNER, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = await temporaryFolder()
const at = (name: string) => join(folder.path, name)
const bytes = randomBytes(300_000)
let server: SpawnedServer
let godwit: CommandLine

beforeAll(async () => {
  writeFileSync(at('app.bin'), bytes)
  server = await spawnServer({ data: at('data') })
  godwit = commandLine(folder.path)
  await godwit.out('login', '--server', server.url, '--email', OWNER.email)
})

afterAll(async () => {
  await server?.stop()
  await folder.remove()
})

const items = async (...args: string[]) => (await godwit.json(...args))['items'] as Array<Record<string, unknown>>

describe('exit codes', () => {
  it.each([
    [['--version'], 0],
    [['--help'], 0],
    [['device', 'list', '--help'], 0],
    [[], 2],
    [['nonsense'], 2],
    [['device'], 2],
    [['device', 'nonsense'], 2],
    [['device', 'list', '--nonsense'], 2],
    [['device', 'show'], 2],
    [['device', 'list', '--limit', 'x'], 2],
    [['firmware', 'push', 'app.bin'], 2],
    [['firmware', 'push', 'absent.bin', '--product', 'p', '--version', '1'], 2],
    [['device', 'change', 'x'], 2],
    [['rollout', 'create', '--key', 'spring'], 2],
    [['serve', '--port', '99999'], 2],
    [['device', 'show', 'absent'], 1],
    [['device', 'list', '--server', 'http://127.0.0.1:9', '--token', 'gdw_x'], 1],
    [['device', 'list', '--token', 'gdw_x'], 1],
  ])('%j ends with %d', async (args, code) => {
    const result = await godwit.run(args)
    expect(result.code, result.stdout + result.stderr).toBe(code)
    if (code !== 0) expect(result.stderr).not.toBe('')
    expect(result.stderr).not.toMatch(/^\s+at .*\.js:\d/m)
  })

  it('unknown commands bring the help', async () => {
    const { stderr } = await godwit.run(['nonsense'])
    expect(stderr).toContain("unknown command 'nonsense'")
    expect(stderr).toContain('Usage: godwit')
  })
})

describe('login', () => {
  it('is kept for its owner alone and ends at both sides', async () => {
    const other = commandLine(at('data'), { XDG_CONFIG_HOME: at('other') })
    await other.out('login', '--server', server.url, '--email', OWNER.email)
    const path = at('other/godwit/credentials.json')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const { logins } = JSON.parse(readFileSync(path, 'utf8')) as { logins: Record<string, { token: string }> }
    const [login] = Object.values(logins)
    await other.out('logout')
    expect((await other.run(['logout'])).code).toBe(1)
    const after = await godwit.run(['token', 'list', '--token', login?.token ?? ''])
    expect([after.code, after.stderr]).toEqual([1, expect.stringContaining('revoked')])
  })

  it('a wrong password is refused', async () => {
    const env = { GODWIT_PASSWORD: 'wrong-password', XDG_CONFIG_HOME: at('wrong') }
    const result = await godwit.run(['login', '--server', server.url, '--email', OWNER.email], { env })
    expect([result.code, result.stderr]).toEqual([1, expect.stringContaining('password is wrong')])
  })

  it('an address with a password serves one command and leaves no token behind', async () => {
    const before = (await items('token', 'list')).filter((token) => token['revokedAt'] === null)
    const env = { XDG_CONFIG_HOME: at('none'), GODWIT_SERVER: server.url, GODWIT_EMAIL: OWNER.email }
    expect((await godwit.run(['organisation', 'list'], { env })).code).toBe(0)
    const after = (await items('token', 'list')).filter((token) => token['revokedAt'] === null)
    expect(after.map((token) => token['id'])).toEqual(before.map((token) => token['id']))
  })

  it('tokens for programs are printed alone, bounded and revocable', async () => {
    const { stdout } = await godwit.run(['token', 'create', 'ci', '--scope', 'read', '--expires-in', '3600'])
    const token = stdout.trim()
    expect(token).toMatch(/^gdw_\w{40}$/)
    const env = { XDG_CONFIG_HOME: at('none'), GODWIT_SERVER: server.url, GODWIT_TOKEN: token }
    expect((await godwit.run(['device', 'list'], { env })).code).toBe(0)
    expect((await godwit.run(['device', 'create', 'x'], { env })).stderr).toContain('This needs the role operator')
    const row = (await items('token', 'list')).find((one) => one['name'] === 'ci')
    await godwit.out('token', 'revoke', String(row?.['id']))
    expect((await godwit.run(['device', 'list'], { env })).code).toBe(1)
  })
})

describe('products, modules, groups', () => {
  it('are made, changed, listed and deleted', async () => {
    await godwit.out('product', 'create', 'panel', '--module', 'display-app', '--module', 'can')
    await godwit.out('product', 'change', 'panel', '--name', 'Display panel', '--alias', 'enos/product-key=BXw')
    expect(await godwit.json('product', 'show', 'panel')).toMatchObject({
      name: 'Display panel',
      aliases: { 'enos/product-key': 'BXw' },
    })
    expect(await godwit.out('product', 'list')).toMatch(/^panel +Display panel +catalogue +display-app, can /m)
    await godwit.out('module', 'create', 'radio', '--product', 'panel', '--name', 'Radio')
    expect((await items('module', 'list', '--product', 'panel')).map((one) => one['key'])).toEqual([
      'display-app',
      'can',
      'radio',
    ])
    await godwit.out('module', 'change', 'radio', '--product', 'panel', '--name', 'Modem')
    expect(await godwit.json('module', 'show', 'radio', '--product', 'panel')).toMatchObject({ name: 'Modem' })
    expect(await godwit.out('module', 'delete', 'radio', '--product', 'panel')).toBe('radio is deleted\n')
    await godwit.out('product', 'change', 'panel', '--downgrades', 'forbidden')
    expect(await godwit.json('product', 'show', 'panel')).toMatchObject({ downgrades: 'forbidden' })
    await godwit.out('group', 'create', 'pilot')
    await godwit.out('group', 'change', 'pilot', '--name', 'Pilot fleet')
    expect(await godwit.json('group', 'show', 'pilot')).toMatchObject({ name: 'Pilot fleet', members: 0 })
  })

  it('a change of an older revision is refused', async () => {
    const { revision } = await godwit.json('product', 'show', 'panel')
    await godwit.out('product', 'change', 'panel', '--distribution', 'managed', '--if-revision', String(revision))
    const late = await godwit.run(['product', 'change', 'panel', '--name', 'x', '--if-revision', String(revision)])
    expect([late.code, late.stderr]).toEqual([1, expect.stringContaining('changed meanwhile')])
  })
})

describe('devices', () => {
  it('are made with credentials, and secrets are shown once', async () => {
    const made = await godwit.json(
      'device',
      'create',
      'truck-17',
      '--product',
      'panel',
      '--iotaap',
      '--tag',
      'site=graz',
    )
    expect(made).toMatchObject({
      tags: { site: 'graz' },
      secrets: { iotaap: { token: expect.stringMatching(/^\w{12}$/) } },
    })
    expect(await godwit.json('device', 'show', 'truck-17')).not.toHaveProperty('secrets')
    await godwit.out('device', 'create', 'truck-18', '--product', 'panel', '--spoke-zone', 'cpuId=c-1,uuid=u-1,id=501')
    await godwit.out('group', 'add', 'pilot', '--device', 'truck-17', '--device', 'truck-18')
    expect((await items('group', 'members', 'pilot')).map((one) => one['key'])).toEqual(['truck-17', 'truck-18'])
    await godwit.out('device', 'change', 'truck-18', '--no-group', '--remove-tag', 'site', '--tag', 'line=3')
    expect(await godwit.json('device', 'show', 'truck-18')).toMatchObject({
      group: null,
      tags: { line: '3' },
      number: 501,
    })
    expect(await godwit.out('device', 'list', '--search', '18')).toMatch(/^truck-18 +truck-18 +panel +- +active/m)
    const found = await items('device', 'list', '--filter', 'product = "panel" and (tag.line = "3" or tag.x exists)')
    expect(found.map((one) => one['key'])).toEqual(['truck-18'])
    const refused = await godwit.run(['device', 'list', '--filter', 'tag.line = 3'])
    expect([refused.code, refused.stdout]).toEqual([1, ''])
    expect(refused.stderr).toMatch(/filter: cannot be read at character 12; text and numbers are written in quotes/)
    const exported = await godwit.out('device', 'export', '--no-secrets', '--filter', 'key in ("truck-18")')
    expect(JSON.parse(exported)).toMatchObject({ key: 'truck-18' })
  })

  it('prove themselves by what the command sets, rotates, reveals and removes', async () => {
    await godwit.out('device', 'credential', 'set', 'truck-17', 'iotaap', '--secret', 'FSXuSmJRiJ4v')
    expect(await godwit.out('device', 'credential', 'reveal', 'truck-17', 'iotaap')).toBe('FSXuSmJRiJ4v\n')
    const rotated = await godwit.out('device', 'credential', 'rotate', 'truck-17', 'iotaap', '--overlap', '60')
    expect(rotated).toMatch(/^\w{12}\n$/)
    expect(await items('device', 'credential', 'list', 'truck-17')).toHaveLength(2)
    await godwit.out('device', 'credential', 'remove', 'truck-17', 'iotaap')
    expect(await items('device', 'credential', 'list', 'truck-17')).toEqual([])
    const stdin = await godwit.run(['device', 'credential', 'set', 'truck-17', 'iotaap', '--secret-stdin'], {
      input: 'aaaaaaaaaaaa\n',
    })
    expect(stdin.code, stdin.stderr).toBe(0)
    expect(await godwit.out('device', 'credential', 'reveal', 'truck-17', 'iotaap')).toBe('aaaaaaaaaaaa\n')
    expect(await godwit.out('group', 'credential', 'rotate', 'pilot', 'iotaap')).toMatch(/^\w{16}\n$/)
    await godwit.out('group', 'credential', 'remove', 'pilot')
  })

  it('get a signed token that is printed alone and that the device can use', async () => {
    const token = (await godwit.out('device', 'token', 'truck-18', '--protocol', 'spoke-zone')).trim()
    const ask = () => fetch(`${server.url}/api/v2/ota-files`, { headers: { 'x-access-token': token } })
    expect((await ask()).status).toBe(200)
    await godwit.out('device', 'credential', 'revoke', 'truck-18', 'spoke-zone')
    expect((await ask()).status).not.toBe(200)
  })
})

describe('firmware, releases and assignments', () => {
  it('streams a file and says what the server made of it', async () => {
    const push = ['firmware', 'push', 'app.bin', '--product', 'panel', '--version', '1.2.3', '--activate']
    const { code, stdout, stderr } = await godwit.run([
      ...push,
      '--tag',
      'channel=stable',
      '--notes',
      'First',
      '--json',
    ])
    expect(code, stderr).toBe(0)
    expect(stderr).toContain('Uploading app.bin: 100% (293.0 KiB of 293.0 KiB)')
    expect(JSON.parse(stdout)).toMatchObject({
      version: '1.2.3',
      module: { key: 'display-app' },
      active: true,
      notes: 'First',
      tags: { channel: 'stable' },
      file: { name: 'app.bin', size: bytes.length },
    })
    expect((await godwit.run(push)).code).toBe(1)
  })

  it('flags are set by verbs of their own', async () => {
    const [{ id } = { id: '' }] = await items('firmware', 'list', '--product', 'panel', '--module', 'display-app')
    const flags = async (verb: string) => {
      const { active, withdrawn } = await godwit.json('firmware', verb, String(id))
      return { active, withdrawn }
    }
    expect(await flags('deactivate')).toEqual({ active: false, withdrawn: false })
    expect(await flags('activate')).toEqual({ active: true, withdrawn: false })
    expect(await flags('withdraw')).toEqual({ active: true, withdrawn: true })
    expect(await flags('reinstate')).toEqual({ active: true, withdrawn: false })
    await godwit.out('firmware', 'download', String(id), '--output', 'copy.bin')
    expect(readFileSync(at('copy.bin')).equals(bytes)).toBe(true)
  })

  it('versions have a place in their order, and floors are made, changed and deleted', async () => {
    const push = ['firmware', 'push', 'app.bin', '--product', 'panel', '--module', 'can', '--version', 'rev-b']
    const pushed = await godwit.run([...push, '--sequence', '20', '--from-versions', 'rev-a || >=1.0.0', '--json'])
    expect(JSON.parse(pushed.stdout)).toMatchObject({ sequence: 20, fromVersions: 'rev-a || >=1.0.0' })
    expect((await godwit.run([...push, '--sequence', '-1'])).code).toBe(2)
    const change = ['firmware', 'change', 'panel/can@rev-b']
    expect(await godwit.json(...change, '--sequence', '21', '--no-from-versions')).toMatchObject({
      sequence: 21,
      fromVersions: null,
    })
    const create = ['floor', 'create', '--product', 'panel', '--module', 'can', '--reason', 'moves the partitions']
    expect((await godwit.run(create)).code).toBe(2)
    const { id } = await godwit.json(...create, '--version', 'rev-b')
    expect(await godwit.out('floor', 'list', '--product', 'panel')).toMatch(/^can +rev-b +moves the partitions +no /m)
    expect(await godwit.out('floor', 'change', String(id), '--reason', 'new keys')).toContain('new keys')
    expect(await godwit.json('floor', 'show', String(id))).toMatchObject({ reason: 'new keys', version: 'rev-b' })
    expect((await godwit.run(['firmware', 'delete', 'panel/can@rev-b'])).stderr).toContain('is a floor')
    expect(await godwit.out('floor', 'delete', String(id))).toBe(`${id} is no floor any more\n`)
    expect(await godwit.out('firmware', 'delete', 'panel/can@rev-b')).toContain('is deleted')

    await godwit.out('firmware', 'push', 'app.bin', '--product', 'panel', '--module', 'can', '--version', 'odd')
    const odd = await godwit.run([...create, '--version', 'odd'])
    expect([odd.code, odd.stderr]).toEqual([0, expect.stringContaining('warning: Nothing orders odd')])
    const [floor] = await items('floor', 'list', '--product', 'panel')
    await godwit.out('floor', 'delete', String(floor?.['id']))
    await godwit.out('firmware', 'delete', 'panel/can@odd')
  })

  it('a version is assigned, explained and taken away', async () => {
    const assign = ['assignment', 'create', '--device', 'truck-17', '--version', '1.2.3']
    expect(await godwit.out(...assign, '--dry-run')).toBe('truck-17: would be created, 1.2.3\n')
    expect(await items('assignment', 'list')).toEqual([])
    expect(await godwit.out(...assign)).toBe('truck-17: created, 1.2.3\n')
    expect(await godwit.out('device', 'explain', 'truck-17')).toContain('which is assigned to this device')
    expect(await godwit.json('device', 'explain', 'truck-17')).toMatchObject({ decision: { kind: 'update' } })
    const [row] = await items('assignment', 'list', '--device', 'truck-17')
    expect(await godwit.json('assignment', 'show', String(row?.['id']))).toMatchObject({
      release: { version: '1.2.3' },
    })
    await godwit.out('assignment', 'delete', String(row?.['id']))
    expect(await godwit.out('device', 'explain', 'truck-17')).toContain('Nothing is assigned')
  })

  it('a release of several modules goes to a group', async () => {
    await godwit.out('firmware', 'push', 'app.bin', '--product', 'panel', '--module', 'can', '--version', '0.9.0')
    await godwit.out(
      ...['release', 'create', '2026.11', '--product', 'panel'],
      ...['--firmware', 'display-app=1.2.3', '--firmware', 'can=0.9.0'],
    )
    expect(await godwit.out('release', 'list')).toMatch(/^panel +2026\.11 +display-app 1\.2\.3, can 0\.9\.0 /m)
    const assign = ['assignment', 'create', '--group', 'pilot', '--product', 'panel', '--release', '2026.11']
    expect(await godwit.out(...assign)).toContain('pilot: created, 2026.11')
    const [release] = await items('release', 'list')
    expect((await godwit.run(['release', 'delete', String(release?.['id'])])).stderr).toContain('still in use')
  })
})

describe('server, organisations, accounts, keys and events', () => {
  it('freeze and thaw', async () => {
    await godwit.out('server', 'freeze')
    expect(await godwit.json('server', 'status')).toMatchObject({ frozen: true })
    await godwit.out('server', 'thaw')
    expect(await godwit.json('organisation', 'freeze', 'default')).toMatchObject({ frozen: true })
    expect(await godwit.out('organisation', 'thaw', 'default')).toContain('frozen  no')
  })

  it('an account with several organisations names one', async () => {
    await godwit.out('organisation', 'create', 'other', '--name', 'Other')
    await godwit.out('organisation', 'change', 'other', '--setting', 'spoke-zone/numeric-ids=true')
    expect(await godwit.json('organisation', 'show', 'other')).toMatchObject({
      settings: { 'spoke-zone/numeric-ids': true },
    })
    expect(await items('device', 'list', '--organisation', 'other')).toEqual([])
    expect(await items('device', 'list', '--organisation', 'default')).toHaveLength(2)
    const unnamed = await godwit.run(['device', 'list'])
    expect([unnamed.code, unnamed.stderr]).toEqual([1, expect.stringContaining('yours are: default, other')])
    // From here on as an operator would who works in one of them.
    godwit = commandLine(folder.path, { GODWIT_ORGANISATION: 'default' })
  })

  it('accounts come, change role, get passwords and go', async () => {
    const create = ['account', 'create', 'ops@acme.example', '--organisation', 'default', '--password-stdin']
    expect((await godwit.run(create, { input: 'first-password\n' })).code).toBe(0)
    await godwit.out('account', 'role', 'ops@acme.example', '--role', 'viewer')
    expect(await godwit.json('account', 'show', 'ops@acme.example')).toMatchObject({ role: 'viewer' })
    const password = ['account', 'password', 'ops@acme.example', '--password-stdin']
    expect((await godwit.run(password, { input: 'second-password\n' })).code).toBe(0)
    const env = { GODWIT_PASSWORD: 'second-password', XDG_CONFIG_HOME: at('ops'), GODWIT_SERVER: server.url }
    expect((await godwit.run(['device', 'list', '--email', 'ops@acme.example'], { env })).code).toBe(0)
    await godwit.out('account', 'unlock', 'ops@acme.example')
    await godwit.out('account', 'remove', 'ops@acme.example')
    expect((await items('account', 'list')).map((one) => one['email'])).toEqual([OWNER.email])
    expect((await items('account', 'list', '--of-server')).map((one) => one['email'])).toContain('ops@acme.example')
  })

  it('access keys are made with a secret, changed and deleted', async () => {
    const made = await godwit.json('access-key', 'create', '--name', 'Back office', '--permission', 'read,write')
    expect(made).toMatchObject({ permissions: ['read', 'write'], secret: expect.any(String) })
    const key = String(made['key'])
    expect(await godwit.json('access-key', 'change', key, '--disable')).toMatchObject({ disabled: true })
    expect(await godwit.out('access-key', 'proof', key)).toMatch(/^\w{40}\n$/)
    await godwit.out('access-key', 'grant', key, '--reach', 'other')
    await godwit.out('access-key', 'delete', key)
    expect(await items('access-key', 'list')).toEqual([])
  })

  it('events tell who did what; every page comes with --all', async () => {
    expect(await godwit.out('event', 'list', '--type', 'device.created')).toContain(OWNER.email)
    const all = await items('event', 'list', '--all', '--limit', '5')
    expect(all.length).toBeGreaterThan(20)
    expect(new Set(all.map((event) => event['id'])).size).toBe(all.length)
    const { stdout, stderr } = await godwit.run(['event', 'list', '--limit', '5'])
    expect(stdout.trim().split('\n')).toHaveLength(6)
    expect(stderr).toContain('there are more')
    expect(await items('event', 'list', '--of-server', '--type', 'server.frozen')).toHaveLength(1)
  })

  it('lists of what nobody has made are empty', async () => {
    for (const noun of ['update', 'data-file']) expect(await items(noun, 'list')).toEqual([])
  })
})
