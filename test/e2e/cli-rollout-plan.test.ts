import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CommandLine, commandLine } from '../support/command-line.ts'
import { NativeClient } from '../support/native-client.ts'
import { OWNER, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = await temporaryFolder()
const at = (name: string) => join(folder.path, name)
let server: SpawnedServer
let godwit: CommandLine

beforeAll(async () => {
  server = await spawnServer({ data: at('data') })
  godwit = commandLine(folder.path)
  await godwit.out('login', '--server', server.url, '--email', OWNER.email)
  await godwit.out('product', 'create', 'panel')
  for (const version of ['1.2.0', '1.3.0']) {
    writeFileSync(at(`${version}.bin`), randomBytes(2048))
    await godwit.out('firmware', 'push', `${version}.bin`, '--product', 'panel', '--version', version)
  }
  for (const key of ['truck-1', 'truck-2', 'truck-3']) {
    const token = `token-of-${key}-0123456789`
    await godwit.out(
      'device',
      'create',
      key,
      '--product',
      'panel',
      '--native',
      token,
      '--attribute',
      'hardwareRevision=B',
    )
    await new NativeClient(server.url, token, key === 'truck-3' ? '1.3.0' : '1.2.0').check()
  }
})

afterAll(async () => {
  await server?.stop()
  await folder.remove()
})

const WHAT = ['--product', 'panel', '--version', '1.3.0'] as const
const spaced = (text: string) => text.replaceAll(/ +/g, ' ')

describe('plans on the command line', () => {
  it('are what a new rollout would do', async () => {
    const out = spaced(
      await godwit.out('rollout', 'create', 'spring', ...WHAT, '--stage', '1', '--stage', '100%', '--dry-run'),
    )
    expect(out).toContain('devices 2 of 3 of the product')
    expect(out).toContain('they run 1.2.0 (2)')
    expect(out).toContain('hardwareRevision B (2)')
    expect(out).toContain('transfer 4.0 KiB')
    expect(out).toContain('2 will be updated truck-1: It goes from 1.2.0 to 1.3.0.')
    expect(out).toContain('1 run it already truck-3: It runs 1.3.0 already.')
    expect(out).toContain('1 the first 1 1')
    const missing = await godwit.run(['rollout', 'show', 'spring'])
    expect(missing.code).toBe(1)
    const json = await godwit.json('rollout', 'create', 'spring', ...WHAT, '--tag', 'site=linz', '--dry-run')
    expect(json).toMatchObject({ willUpdate: 0, warnings: [{ kind: 'none-selected' }] })
    const warned = await godwit.out('rollout', 'create', 'spring', ...WHAT, '--tag', 'site=linz', '--dry-run')
    expect(warned).toContain('! None of the 3 devices of product panel is selected.')
  })

  it('are what one that is there would do, and what taking it back would', async () => {
    await godwit.out('rollout', 'create', 'spring', ...WHAT, '--health-off', '--start')
    const device = new NativeClient(server.url, 'token-of-truck-1-0123456789', '1.2.0')
    expect(await device.updateTo()).toBe('1.3.0')
    expect(spaced(await godwit.out('rollout', 'plan', 'spring'))).toContain('devices 1 of 3 of the product')
    const undo = spaced(await godwit.out('rollout', 'undo', 'spring', '--allow-downgrade', '--dry-run'))
    expect(undo).toContain('truck-1: It goes from 1.3.0 to 1.2.0.')
    expect(await godwit.json('rollout', 'show', 'spring')).toMatchObject({ state: 'running' })
  })
})

describe('changes that start updates', () => {
  it('are confirmed with the token that the refusal gives', async () => {
    await godwit.out('rollout', 'create', 'graz', ...WHAT, '--tag', 'site=graz', '--priority', '9', '--start')
    const change = ['device', 'change', 'truck-2', '--tag', 'site=graz']
    const refused = await godwit.run(change)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('It would start 1 update: rollout graz (1.3.0) takes in 1 device (truck-2).')
    const [, token = ''] = /--confirm (\S+)/.exec(refused.stderr) ?? []
    expect((await godwit.run([...change, '--confirm', `${token}x`])).code).toBe(1)
    expect(await godwit.out(...change, '--confirm', token)).toContain('site=graz')
  })

  it('are told by the dry run of an import', async () => {
    writeFileSync(
      at('fleet.ndjson'),
      '{"key":"truck-1","tags":{"site":"linz"}}\n{"key":"truck-2","tags":{"site":"linz"}}\n',
    )
    const args = ['device', 'import', 'fleet.ndjson', '--on-existing', 'update']
    await godwit.out(
      'rollout',
      'create',
      'linz',
      ...WHAT,
      '--tag',
      'site=linz',
      '--priority',
      '10',
      '--allow-downgrade',
      '--start',
    )
    const dry = await godwit.run([...args, '--dry-run'])
    expect([dry.code, dry.stderr]).toEqual([
      0,
      expect.stringContaining('rollout linz (1.3.0) takes in 1 device (truck-2)'),
    ])
    const [, token = ''] = /--confirm (\S+)/.exec(dry.stderr) ?? []
    expect((await godwit.run(args)).code).toBe(1)
    expect(await godwit.out(...args, '--confirm', token)).toContain('2 updated')
  })
})
