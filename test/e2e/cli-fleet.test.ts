import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CommandLine, commandLine } from '../support/command-line.ts'
import { OWNER, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = await temporaryFolder()
const at = (name: string) => join(folder.path, name)
let server: SpawnedServer
let godwit: CommandLine

beforeAll(async () => {
  writeFileSync(at('app.bin'), randomBytes(50_000))
  server = await spawnServer({ data: at('data') })
  godwit = commandLine(folder.path)
  await godwit.out('login', '--server', server.url, '--email', OWNER.email)
})

afterAll(async () => {
  await server?.stop()
  await folder.remove()
})

const FLEET = `organisations:
  - key: acme
    accounts: [{ email: boss@acme.example, password: change-me-now, role: owner }]
    products: [{ key: panel, modules: [{ key: display-app }] }]
    groups: [{ key: pilot }]
    devices:
      - { key: truck-17, product: panel, group: pilot, credentials: { native: {} } }
      - { key: truck-18, product: panel }
    firmware:
      - { product: panel, module: display-app, version: 1.2.3, file: ./app.bin }
    assignments:
      - { device: truck-18, version: 1.2.3 }
`

function fleetFile(change: (text: string) => string = (text) => text): string {
  writeFileSync(at('fleet.yaml'), change(FLEET))
  return 'fleet.yaml'
}

describe('apply', () => {
  it('a dry run tells the difference and makes none', async () => {
    const out = await godwit.out('apply', '-f', fleetFile(), '--dry-run')
    expect(out).toContain('+ create organisation acme\n')
    expect(out).toContain('nothing was done')
    expect(out).not.toContain('secret')
    expect((await godwit.run(['organisation', 'show', 'acme'])).code).toBe(1)
  })

  it('makes what the file describes, and secrets once', async () => {
    const out = await godwit.out('apply', '-f', fleetFile())
    expect(out).toContain('+ create device acme/truck-17\n')
    expect(out).toContain('+ create firmware acme/panel/display-app 1.2.3\n')
    expect(out).toMatch(/^secret truck-17 native \w{40}$/m)
  })

  it('a second run changes nothing and says so', async () => {
    expect(await godwit.out('apply', '-f', fleetFile())).toBe('nothing to change\n')
    expect(await godwit.json('apply', '-f', fleetFile())).toMatchObject({ changes: [], secrets: [] })
  })

  it('what the file lacks stays, unless pruned', async () => {
    const file = fleetFile((text) => text.replace(/ +- \{ key: truck-17.*\n/, ''))
    expect(await godwit.out('apply', '-f', file)).toBe('nothing to change\n')
    expect(await godwit.out('apply', '-f', file, '--prune')).toBe('- delete device acme/truck-17\n1 change\n')
    expect(await godwit.out('apply', '-f', file, '--prune')).toBe('nothing to change\n')
  })

  it.each([
    ['an unknown key', 'key: pilot', 'key: pilot, kye: x', 5],
    ['a bad reference', 'group: pilot', 'group: nope', 7],
    ['a missing file', './app.bin', './absent.bin', 10],
    ['a duplicate', 'key: truck-18', 'key: truck-17', 8],
  ])('%s is refused with its line, and nothing is applied', async (_name, from, to, line) => {
    const result = await godwit.run([
      'apply',
      '-f',
      fleetFile((text) => text.replace('key: acme', 'key: second').replace(from, to)),
    ])
    expect([result.code, result.stderr]).toEqual([1, expect.stringContaining(`line ${line}: `)])
    expect((await godwit.run(['organisation', 'show', 'second'])).code).toBe(1)
  })

  it('an owner applies to the own organisation and to no other', async () => {
    const env = { XDG_CONFIG_HOME: at('boss'), GODWIT_SERVER: server.url, GODWIT_PASSWORD: 'change-me-now' }
    const boss = (args: string[]) => godwit.run([...args, '--email', 'boss@acme.example'], { env })
    const own = await boss([
      'apply',
      '-f',
      fleetFile((text) => text.replace('key: pilot }', 'key: pilot, name: Pilots }')),
    ])
    expect(own.stdout, own.stderr).toContain('~ change group acme/pilot (name)')
    for (const key of ['default', 'brand-new']) {
      const other = await boss(['apply', '-f', fleetFile((text) => text.replace('key: acme', `key: ${key}`))])
      expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('line 2: ')])
    }
    const two = await boss(['apply', '-f', fleetFile((text) => `${text}  - key: another\n`)])
    expect([two.code, two.stderr]).toEqual([1, expect.stringContaining('server administrator')])
  })

  it('takes no receipt that it did not give', async () => {
    const env = JSON.parse(readFileSync(at('config/godwit/credentials.json'), 'utf8')) as {
      logins: Record<string, { token: string }>
    }
    const [login] = Object.values(env.logins)
    const reply = await fetch(`${server.url}/api/godwit/v1/apply`, {
      method: 'POST',
      headers: { authorization: `Bearer ${login?.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ text: FLEET, files: { './app.bin': 'forged' } }),
    })
    expect([reply.status, await reply.json()]).toEqual([400, expect.objectContaining({ code: 'invalid' })])
  })
})

describe('import and export', () => {
  const COUNT = 1_000
  const token = (index: number) => `tok${String(index).padStart(9, '0')}`
  const line = (index: number) =>
    JSON.stringify({
      key: `node-${index}`,
      name: `Node, "${index}"`,
      product: 'panel',
      tags: { site: index % 2 ? 'graz' : 'linz', note: 'a=b;c' },
      credentials: { iotaap: { token: token(index) } },
    })
  const inAcme = (...args: string[]) => godwit.out(...args, '--organisation', 'acme')
  const exported = async (file: string) =>
    readFileSync(at(file), 'utf8')
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text) as Record<string, unknown>)
      .filter(({ key }) => String(key).startsWith('node-'))

  it('a dry run counts and writes nothing', async () => {
    writeFileSync(at('nodes.ndjson'), Array.from({ length: COUNT }, (_, index) => line(index)).join('\n'))
    expect(await inAcme('device', 'import', 'nodes.ndjson', '--dry-run')).toContain('1000 would be created')
    expect(await inAcme('device', 'list', '--search', 'node-')).toBe(
      'KEY  NAME  PRODUCT  GROUP  STATUS  RUNNING  LAST SEEN AT  ID\n',
    )
  })

  it('a bad line is named, and nothing is written', async () => {
    writeFileSync(at('bad.ndjson'), `${line(1)}\n{"key":"x","iotaap":1}\n`)
    const result = await godwit.run(['device', 'import', 'bad.ndjson', '--organisation', 'acme'])
    expect([result.code, result.stderr]).toEqual([1, expect.stringContaining('line 2')])
  })

  it.each(['ndjson', 'csv'])('a thousand devices go out as %s and come back with their tokens', async (format) => {
    if (format === 'ndjson') await inAcme('device', 'import', 'nodes.ndjson')
    await inAcme('device', 'export', '--output', `all.${format}`)
    await godwit.out('organisation', 'create', `copy-${format}`)
    await godwit.out('product', 'create', 'panel', '--module', 'display-app', '--organisation', `copy-${format}`)
    await godwit.out('group', 'create', 'pilot', '--organisation', `copy-${format}`)
    const fresh = readFileSync(at(`all.${format}`), 'utf8')
    writeFileSync(at(`moved.${format}`), withoutNumbers(fresh, format))
    const report = await godwit.json('device', 'import', `moved.${format}`, '--organisation', `copy-${format}`)
    expect(report).toMatchObject({ failed: 0, errors: [] })
    await godwit.out('device', 'export', '--output', 'copy.ndjson', '--organisation', `copy-${format}`)
    const copies = await exported('copy.ndjson')
    expect(copies).toHaveLength(COUNT)
    for (const [index, copy] of copies.entries())
      expect(copy).toMatchObject({
        key: `node-${index}`,
        name: `Node, "${index}"`,
        tags: { site: index % 2 ? 'graz' : 'linz', note: 'a=b;c' },
        credentials: { iotaap: { token: token(index) } },
      })
  })

  it('on an empty server they are what they were, ids and numbers too', async () => {
    const second = await spawnServer({ data: at('second') })
    try {
      const there = ['--server', second.url, '--email', OWNER.email]
      await godwit.out('product', 'create', 'panel', '--module', 'display-app', ...there)
      await godwit.out('group', 'create', 'pilot', ...there)
      await godwit.out('device', 'import', 'all.ndjson', ...there)
      await godwit.out('device', 'export', '--output', 'back.ndjson', ...there)
      const sorted = (file: string) => readFileSync(at(file), 'utf8').split('\n').sort()
      expect(sorted('back.ndjson')).toEqual(sorted('all.ndjson'))
    } finally {
      await second.stop()
    }
  })

  it('keys that are there are skipped, or changed', async () => {
    const again = await godwit.run(['device', 'import', 'nodes.ndjson', '--organisation', 'acme'])
    expect(again.code).toBe(1)
    expect(await inAcme('device', 'import', 'nodes.ndjson', '--on-existing', 'skip')).toContain('1000 skipped')
    expect(await inAcme('device', 'import', 'nodes.ndjson', '--on-existing', 'update')).toContain('1000 updated')
  })

  it('an export without secrets has none', async () => {
    expect(await inAcme('device', 'export', '--no-secrets')).not.toContain(token(7))
    expect(await inAcme('device', 'export', '--format', 'csv', '--search', 'node-7')).toContain(token(7))
  })
})

/** Ids and numbers are unique on the server; a copy beside the original gets its own. */
function withoutNumbers(text: string, format: string): string {
  if (format === 'ndjson')
    return text
      .trim()
      .split('\n')
      .map((line) => {
        const { id: _id, number: _number, ...rest } = JSON.parse(line) as Record<string, unknown>
        return JSON.stringify(rest)
      })
      .join('\n')
  return text.replaceAll(/,([0-9a-f]{24}),\d+,/g, ',,,')
}
