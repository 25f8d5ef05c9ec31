import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Fixture, tokenOf } from '../conformance/native/fixture.ts'
import { compile, findCompiler } from '../support/c-compiler.ts'
import { json, rawHttpServer, reply } from '../support/raw-http-server.ts'
import { type SlowProxy, slowProxy } from '../support/slow-proxy.ts'
import { ROOT } from '../support/spawn-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const EXAMPLE = join(ROOT, 'examples/esp-idf')
const SOURCES = [
  'host/host_main.c',
  'components/godwit/godwit_client.c',
  'components/godwit/godwit_json.c',
  'components/godwit/godwit_sha256.c',
].map((name) => join(EXAMPLE, name))
const IMAGE = randomBytes(80_000)

const compiler = findCompiler()
const folder = await temporaryFolder()
const binary = join(folder.path, 'host_client')
let fixture: Fixture
let proxy: SlowProxy

beforeAll(async () => {
  if (compiler === undefined) return
  compile(compiler, SOURCES, { include: join(EXAMPLE, 'components/godwit'), output: binary })
  fixture = await Fixture.start({ config: { callsPerMinute: 100_000, artifactCallsPerMinute: 100_000 } })
  proxy = await slowProxy(fixture.server.url)
  await fixture.addFirmware('main', '5.0.0', IMAGE)
})

afterAll(async () => {
  await proxy?.close()
  await fixture?.server.close()
  await folder.remove()
})

const EXIT = { idle: 0, powerCut: 9, restart: 10, retry: 11 } as const

/** A board on this desk: the client's process, its flash as files, and the boot loader. */
class Board {
  readonly key: string
  readonly path: string

  private constructor(key: string) {
    this.key = key
    this.path = join(folder.path, key)
    mkdirSync(this.path)
    writeFileSync(this.at('version'), '1.0.0\n')
    writeFileSync(this.at('running'), 'factory')
  }

  static async make(key: string, version?: string): Promise<Board> {
    await fixture.addDevice(key)
    if (version !== undefined) await fixture.assign(version, key)
    return new Board(key)
  }

  at(name: string): string {
    return join(this.path, name)
  }

  get version(): string {
    return readFileSync(this.at('version'), 'utf8').trim()
  }

  async run(more: { rounds?: number; server?: string; module?: string; env?: Record<string, string> } = {}) {
    const { rounds = 1, server = proxy.url, module = 'main', env = {} } = more
    const child = spawn(binary, [server, tokenOf(this.key), module, this.path, String(rounds)], {
      env: { PATH: process.env['PATH'] ?? '', ...env },
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, output }
  }

  /** What the boot loader does: the spare slot starts, if it was activated and works; else the old one again. */
  restart(works = true): void {
    if (!existsSync(this.at('activated'))) return
    rmSync(this.at('activated'))
    if (!works) return
    renameSync(this.at('spare'), this.at('running'))
    writeFileSync(this.at('version'), '5.0.0\n')
  }

  get runsTarget(): boolean {
    return readFileSync(this.at('running')).equals(IMAGE)
  }

  async state(): Promise<string | undefined> {
    return (await fixture.latest(this.key))?.state
  }
}

/** Powers the board until it runs the target and has nothing more to do; a failed try waits for its pause to end. */
async function finish(board: Board): Promise<void> {
  for (let start = 0; start < 6; start++) {
    board.restart()
    const { code } = await board.run({ rounds: 3 })
    if (board.runsTarget && code === EXIT.idle) return
    fixture.clock.advance(3_600_000)
  }
}

describe.skipIf(compiler === undefined)('the C client', () => {
  it('finds nothing to do', async () => {
    const board = await Board.make('c-idle')
    const { code, output } = await board.run({ rounds: 3 })
    expect(code, output).toBe(EXIT.idle)
    expect(output.split('\n').filter((line) => /^idle \d{3}$/.test(line))).toHaveLength(3)
  })

  it('fetches, verifies, restarts, proves what runs and confirms', async () => {
    const board = await Board.make('c-whole', '5.0.0')
    expect((await board.run()).code).toBe(EXIT.restart)
    expect(await board.state()).toBe('installing')
    board.restart()
    expect(board.runsTarget).toBe(true)
    expect(await board.run({ rounds: 2 })).toMatchObject({ code: EXIT.idle })
    expect(existsSync(board.at('confirmed'))).toBe(true)
    expect(await board.state()).toBe('succeeded')
  })

  it('resumes a download that broke, at a sector', async () => {
    const board = await Board.make('c-broken', '5.0.0')
    proxy.cutNextAfter(60_000)
    // The first connection carries the check, the second the file: each counts its own bytes.
    const { code, output } = await board.run()
    expect(code, output).toBe(EXIT.retry)
    expect((await board.run()).code).toBe(EXIT.restart)
    const from = Number(/bytes=(\d+)-$/.exec(proxy.requests.findLast((line) => line.includes('bytes=')) ?? '')?.[1])
    expect([from > 30_000, from % 4096]).toEqual([true, 0])
    board.restart()
    expect(board.runsTarget).toBe(true)
  })

  it('says when the new image did not start', async () => {
    const board = await Board.make('c-dead', '5.0.0')
    expect((await board.run()).code).toBe(EXIT.restart)
    board.restart(false)
    expect((await board.run({ rounds: 2 })).code).toBe(EXIT.idle)
    expect(await fixture.latest('c-dead')).toMatchObject({
      state: 'rolled-back',
      reason: 'the new image did not start',
    })
    expect(existsSync(board.at('confirmed'))).toBe(false)
  })

  it('refuses a signature, and a module that is not its own', async () => {
    const board = await Board.make('c-signed', '5.0.0')
    expect((await board.run({ env: { VERIFY: 'bad' } })).code).toBe(EXIT.idle)
    expect(await fixture.latest('c-signed')).toMatchObject({ state: 'failed', reason: 'the signature is not good' })
    const other = await Board.make('c-module', '5.0.0')
    expect((await other.run({ module: 'modem' })).code).toBe(EXIT.idle)
    expect(await other.state()).toBe('failed')
  })

  it('stops when it is asked to, before it switches', async () => {
    const board = await Board.make('c-cancel', '5.0.0')
    proxy.cutNextAfter(60_000)
    expect((await board.run()).code).toBe(EXIT.retry)
    const { id } = (await fixture.latest('c-cancel')) ?? { id: '' }
    await fixture.server.core.updates.cancel(fixture.scope, id)
    expect((await board.run({ rounds: 2 })).code).toBe(EXIT.idle)
    expect(await board.state()).toBe('cancelled')
    expect(existsSync(board.at('activated'))).toBe(false)
  })

  it('survives a power cut at each of its writes', async () => {
    let hasCut = true
    let writes = 0
    for (; hasCut; writes++) {
      const board = await Board.make(`c-cut-${writes}`, '5.0.0')
      const cut = { rounds: 3, env: { DIE_AT: String(writes + 1) } }
      const before = await board.run(cut)
      board.restart()
      const after = await board.run(cut)
      hasCut = [before, after].some(({ code }) => code === EXIT.powerCut)
      expect(before.output + after.output).not.toMatch(/Sanitizer|runtime error/)
      expect(board.runsTarget || readFileSync(board.at('running'), 'utf8') === 'factory').toBe(true)
      await finish(board)
      expect([board.runsTarget, await board.state()], `cut at write ${writes + 1}`).toEqual([true, 'succeeded'])
    }
    expect(writes).toBeGreaterThan(8)
  })

  it('is not impressed by what a bad server says', async () => {
    const url = `"http://127.0.0.1:1/${'x'.repeat(600)}"`
    const hash = `"${'ab'.repeat(32)}"`
    const good = `{"module":"main","version":"2","size":10,"sha256":${hash},"url":"http://127.0.0.1:1/x"}`
    const update = (modules: string) => `{"action":"update","update":{"id":"u","modules":${modules}},"retryAfter":7}`
    const bodies = [
      '',
      '{',
      '[]',
      '"',
      '{"action":',
      '{"action":"update"}',
      '{"action":"update","update":7}',
      update('[]'),
      update('[{}]'),
      update(`[${good.replace(hash, '"../../etc"')}]`),
      update(`[${good.replace('10', '-1')}]`),
      update(`[${good.replace('10', '4294967296')}]`),
      update(`[${good.replace('"http://127.0.0.1:1/x"', url)}]`),
      update(`[${good.replace('"2"', `"${'9'.repeat(300)}"`)}]`),
      update(`[${good.replace('"2"', '"\\u00e9"')}]`),
      update(`[${good.replace('"2"', '"\\u12"')}]`),
      update(`[${good.replace('"2"', '"\\')}]`),
      `{"action":"cancel","update":{"id":"${'i'.repeat(200)}"}}`,
      '{"action":"cancel","update":{"id":"a\\"b"}}',
      `${'['.repeat(1500)}`,
      `{"x":${'{"y":'.repeat(300)}`,
      `{"x":"${'z'.repeat(5000)}"}`,
      randomBytes(1500).toString('latin1'),
      update(`[${good}]`),
    ]
    const queue = [...bodies]
    const server = await rawHttpServer(() => {
      const body = Buffer.from(queue.shift() ?? '{}', 'latin1')
      return { bytes: reply('200 OK', ['Content-Type: application/json'], body), end: true }
    })
    const board = await Board.make('c-hostile')
    for (const body of bodies) {
      rmSync(board.at('state'), { force: true })
      const { code, output } = await board.run({ server: server.url })
      expect(output, body).not.toMatch(/Sanitizer|runtime error/)
      expect([EXIT.idle, EXIT.retry], body).toContain(code)
    }
    const junk = await rawHttpServer(() => ({ bytes: json('503 Service Unavailable', {}), end: true }))
    expect((await board.run({ server: junk.url })).code).toBe(EXIT.retry)
    expect(existsSync(board.at('activated'))).toBe(false)
  })
})
