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
const devices = new Map<string, NativeClient>()

beforeAll(async () => {
  server = await spawnServer({ data: at('data') })
  godwit = commandLine(folder.path)
  await godwit.out('login', '--server', server.url, '--email', OWNER.email)
  await godwit.out('product', 'create', 'panel')
  await godwit.out('group', 'create', 'pilot')
  for (const version of ['1.2.0', '1.3.0', '1.4.0']) {
    writeFileSync(at(`${version}.bin`), randomBytes(1000))
    await godwit.out('firmware', 'push', `${version}.bin`, '--product', 'panel', '--version', version)
  }
  for (const key of ['truck-1', 'truck-2', 'truck-3', 'truck-4']) {
    const token = `token-of-${key}-0123456789`
    const tag = ['--tag', `site=${key === 'truck-4' ? 'linz' : 'graz'}`]
    const attributes = ['--attribute', `hardwareRevision=${key === 'truck-3' ? 'C' : 'B'}`]
    await godwit.out('device', 'create', key, '--product', 'panel', '--native', token, ...tag, ...attributes)
    devices.set(key, new NativeClient(server.url, token, '1.2.0'))
    await device(key).check()
  }
})

afterAll(async () => {
  await server?.stop()
  await folder.remove()
})

function device(key: string): NativeClient {
  const found = devices.get(key)
  if (!found) throw new Error(`no device ${key}`)
  return found
}

const items = async (...args: string[]) => (await godwit.json(...args))['items'] as Array<Record<string, unknown>>
const create = (key: string, ...args: string[]) => [
  ...['rollout', 'create', key, '--product', 'panel', '--version', '1.3.0'],
  ...args,
]

describe('rollouts on the command line', () => {
  it('are made from options', async () => {
    const made = await godwit.json(
      ...create('spring', '--name', 'Spring', '--filter', 'not key = "x"'),
      ...['--tag', 'site=graz', '--tag', 'site=linz', '--attribute', 'hardwareRevision=B', '--from-version', '1.2.0'],
      ...[
        '--stage',
        '1,soak=1h,threshold=99',
        '--stage',
        'group:pilot,approvals=1',
        '--stage',
        '100%,window=02:00-05:00',
      ],
      ...['--acceptable-failures', '0.05', '--confirm-within', '30m', '--time-zone', 'Europe/Vienna'],
      ...['--attempts', '5', '--retry-pause', '2m', '--allow-downgrade', '--priority', '-3', '--snapshot'],
    )
    expect(made).toMatchObject({
      name: 'Spring',
      state: 'draft',
      membership: 'snapshot',
      snapshot: { state: 'taken', devices: 3 },
      priority: -3,
      select: {
        filter:
          'key != "x" and tag.site in ("graz", "linz") and attribute.hardwareRevision = "B" and version = "1.2.0"',
      },
      stages: [
        { count: 1, soakSeconds: 3600, successThreshold: 99 },
        { groups: ['pilot'], approvals: 1 },
        { percent: 100, window: { from: '02:00', to: '05:00', zone: 'Europe/Vienna' } },
      ],
      health: { acceptableFailureRate: 0.05, confirmSeconds: 1800 },
      options: { allowDowngrade: true, retry: { attempts: 5, pauseSeconds: 120 } },
    })
    await godwit.out('rollout', 'delete', 'spring')
  })

  it('take their stages from a file', async () => {
    const stages =
      "- 5%,soak=1h\n- 10\n- { percent: 50, window: { kind: daily, from: '01:00', to: '02:00', zone: device } }\n"
    writeFileSync(at('stages.yaml'), stages)
    const made = await godwit.json(...create('filed', '--stages', 'stages.yaml', '--health-off'))
    expect(made).toMatchObject({
      stages: [{ percent: 5, soakSeconds: 3600 }, { count: 10 }, { percent: 50, window: { zone: 'device' } }],
      health: { mode: 'off' },
    })
    writeFileSync(at('stages.json'), JSON.stringify({ stages: made['stages'] }))
    const again = await godwit.json(...create('again', '--stages', 'stages.json'))
    expect(again['stages']).toEqual(made['stages'])
    writeFileSync(at('broken.yaml'), 'stages: all')
    for (const file of ['broken.yaml', 'absent.yaml'])
      expect((await godwit.run(create('x', '--stages', file))).code).toBe(2)
    for (const key of ['filed', 'again']) await godwit.out('rollout', 'delete', key)
  })

  it.each([
    [['rollout', 'create', 'x', '--product', 'panel'], 2],
    [create('x', '--stage', '5%,soak=soon'), 2],
    [create('x', '--stage', '5%', '--stages', 'stages.yaml'), 2],
    [create('x', '--tag', 'site'), 2],
    [create('x', '--acceptable-failures', 'few'), 2],
    [create('x', '--priority', 'high'), 2],
    [create('x', '--stage', '50%', '--stage', '10%'), 1],
    [create('x', '--filter', 'site = graz'), 1],
    [['rollout', 'show', 'absent'], 1],
    [['rollout', 'watch', 'absent'], 1],
    [['rollout', 'change', 'x'], 2],
    [['rollout', 'exclude', 'x'], 2],
    [['rollout', 'list', '--state', 'flying'], 2],
  ])('%j ends with %d', async (args, code) => {
    const result = await godwit.run(args)
    expect(result.code, result.stdout + result.stderr).toBe(code)
    expect(result.stderr).not.toBe('')
  })

  it('go from stage to stage, and say where they are', async () => {
    const options = ['--tag', 'site=graz', '--stage', '1', '--stage', '100%,approvals=1', '--health-off', '--start']
    const page = await godwit.out(...create('tour', ...options))
    expect(page).toMatch(/^state +running$/m)
    expect(page).toMatch(/^progress +Running, stage 1 of 2: nothing granted yet\.$/m)
    expect(page).toMatch(/^waits +Stage 2 of 2 begins when 1 device of stage 1 has matured; 0 have\.$/m)
    expect(page).toMatch(/^selects +tag\.site = "graz"$/m)
    expect(page).toMatch(/^1 +the first 1 +current +0 +- /m)
    expect(page).toMatch(/^2 +100 % +ahead +0 +- +approvals 1 /m)
    expect(await device('truck-1').updateTo()).toBe('1.3.0')
    expect(await device('truck-2').updateTo()).toBeUndefined()
    expect(await godwit.out('rollout', 'list', '--state', 'running')).toMatch(
      /^tour +update +panel +1\.3\.0 +running +1 of 2 +1 succeeded +0 /m,
    )
    expect(await godwit.out('device', 'explain', 'truck-2')).toContain(
      'rollout tour: Stage 1 of rollout tour is for 1 device, which all came before it.\n',
    )
    expect(await godwit.out('rollout', 'advance', 'tour')).toBe(
      'tour: Running, stage 2 of 2: 1 succeeded. Stage 2 of 2 waits for the approval of one person.\n',
    )
    expect(await godwit.out('rollout', 'approve', 'tour')).toBe(
      'tour: Running, stage 2 of 2: 1 succeeded. It stays open for devices that come later.\n',
    )
    expect(await godwit.out('rollout', 'show', 'tour')).toMatch(new RegExp(`^2 .*approvals 1 +${OWNER.email}$`, 'm'))
    expect((await godwit.run(['rollout', 'approve', 'tour'])).stderr).toContain('No stage waits for approval')
    expect(await godwit.out('rollout', 'pause', 'tour')).toContain('tour: Paused at stage 2 of 2')
    expect(await device('truck-2').updateTo()).toBeUndefined()
    expect(await godwit.out('rollout', 'change', 'tour', '--name', 'Tour', '--priority', '5')).toMatch(/^name +Tour$/m)
    expect(await godwit.out('rollout', 'resume', 'tour')).toContain('tour: Running')
    expect(await godwit.out('rollout', 'exclude', 'tour', '--device', 'truck-3', '--reason', 'lab')).toBe(
      'truck-3: taken out of tour\n',
    )
    await device('truck-2').fail('flash full')
    expect(await godwit.out('rollout', 'members', 'tour')).toMatch(/^truck-2 +failed +2 +1 +flash full /m)
    expect(await items('rollout', 'members', 'tour', '--excluded')).toMatchObject([{ device: { key: 'truck-3' } }])
    expect(await godwit.out('rollout', 'retry', 'tour')).toBe('1 to be tried again\n')
    expect(await godwit.out('rollout', 'retry', 'tour', '--device', 'truck-3')).toBe('1 to be tried again\n')
    expect(await godwit.out('rollout', 'finish', 'tour')).toBe('tour: Finished: 1 succeeded.\n')
    expect((await godwit.run(['rollout', 'resume', 'tour', '--cohort', 'hardwareRevision=C'])).code).toBe(1)
  })

  it('are taken back', async () => {
    const undo = ['rollout', 'undo', 'tour', '--allow-downgrade', '--stage', '100%', '--health-off']
    expect(await godwit.out(...undo)).toBe('tour-undo: Running, stage 1 of 1: nothing granted yet.\n')
    expect(await device('truck-1').updateTo()).toBe('1.2.0')
    expect(await godwit.json('rollout', 'show', 'tour-undo')).toMatchObject({
      kind: 'undo',
      outcomes: { succeeded: 1 },
    })
    await godwit.out('rollout', 'finish', 'tour-undo')
  })
})

describe('rollout watch', () => {
  it('ends with 0 when the rollout is finished, with a line for each change', async () => {
    await godwit.out(...create('watched', '--tag', 'site=graz', '--health-off', '--start'))
    const watching = godwit.run(['rollout', 'watch', 'watched', '--every', '1s'])
    expect(await device('truck-1').updateTo()).toBe('1.3.0')
    await godwit.out('rollout', 'finish', 'watched')
    const { code, stdout, stderr } = await watching
    expect([code, stderr]).toEqual([0, ''])
    const lines = stdout.trimEnd().split('\n')
    expect(lines.at(-1)).toBe('Finished: 1 succeeded.')
    expect(new Set(lines).size).toBe(lines.length)
  })

  it('ends with 1 when it is stopped', async () => {
    await godwit.out(...create('bad', '--filter', 'key in ("truck-2", "truck-3")', '--attempts', '1', '--start'))
    const watching = godwit.run(['rollout', 'watch', 'bad', '--every', '1s', '--json'])
    await device('truck-2').fail('flash full')
    const stopped = await godwit.out('rollout', 'stop', 'bad', '--cancel', '--reason', 'displays stay dark')
    expect(stopped).toContain('bad: Stopped by an operator at stage 1 of 1: displays stay dark.')
    const { code, stdout, stderr } = await watching
    expect([code, stderr]).toEqual([1, 'godwit: rollout bad is stopped.\n'])
    const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>
    expect(last).toMatchObject({ state: 'stopped', stop: { by: 'operator', words: 'displays stay dark' } })
  })

  it('ends with 0 when nothing is under way and nobody is left to update', async () => {
    const what = ['rollout', 'create', 'whole', '--product', 'panel', '--version', '1.4.0']
    await godwit.out(...what, '--filter', 'key in ("truck-1", "truck-2")', '--health-off', '--start')
    const watching = godwit.run(['rollout', 'watch', 'whole', '--every', '1s'])
    for (const key of ['truck-1', 'truck-2']) expect(await device(key).updateTo()).toBe('1.4.0')
    const { code, stdout, stderr } = await watching
    expect([code, stderr, stdout.trimEnd().split('\n').at(-1)]).toEqual([0, '', 'Running, stage 1 of 1: 2 succeeded.'])
    await godwit.out('rollout', 'finish', 'whole')
  })
})
