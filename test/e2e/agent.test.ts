import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { runCommand } from '../support/run-command.ts'
import { type SlowProxy, slowProxy } from '../support/slow-proxy.ts'
import { GODWIT, login, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const DEVICES = ['cut', 'fails', 'dead', 'killed', 'hooked', 'both', 'strange', 'waits', 'full'] as const
type Device = (typeof DEVICES)[number]

const folder = await temporaryFolder()
const IMAGE = randomBytes(600_000)
const SECOND = randomBytes(90_000)
let server: SpawnedServer
let proxy: SlowProxy
let authorization: Record<string, string>

const tokenOf = (device: string) => `${device}-0123456789-0123456789-0123456789`

beforeAll(async () => {
  writeFileSync(join(folder.path, 'app.bin'), IMAGE)
  writeFileSync(join(folder.path, 'modem.bin'), SECOND)
  const devices = DEVICES.map(
    (key) => `      - { key: ${key}, product: gateway, credentials: { native: { token: ${tokenOf(key)} } } }`,
  )
  const single = DEVICES.filter((key) => !['both', 'strange', 'waits'].includes(key))
  writeFileSync(
    join(folder.path, 'fleet.yaml'),
    `organisations:
  - key: acme
    products: [{ key: gateway, modules: [{ key: app }, { key: modem }] }]
    devices:
${devices.join('\n')}
    firmware:
      - { product: gateway, module: app, version: 2.0.0, file: ./app.bin }
      - { product: gateway, module: modem, version: "7.1", file: ./modem.bin }
    releases:
      - { product: gateway, version: "2026.11", firmware: { app: 2.0.0, modem: "7.1" } }
    assignments:
${single.map((device) => `      - { device: ${device}, module: app, version: 2.0.0 }`).join('\n')}
      - { device: both, release: "2026.11" }
      - { device: strange, module: modem, version: "7.1" }
`,
  )
  server = await spawnServer({ data: join(folder.path, 'data'), args: ['--apply', join(folder.path, 'fleet.yaml')] })
  proxy = await slowProxy(server.url)
  authorization = { ...(await login(server.url)), 'godwit-organisation': 'acme' }
})

afterAll(async () => {
  await proxy?.close()
  await server?.stop()
  await folder.remove()
})

/** A machine with an agent: its own folder, version files, and hooks as shell commands. */
class Machine {
  readonly device: Device
  readonly path: string
  readonly modules: readonly string[]

  constructor(device: Device, modules: readonly string[] = ['app']) {
    this.device = device
    this.modules = modules
    this.path = join(folder.path, device)
    mkdirSync(this.path)
    writeFileSync(this.at('token'), `${tokenOf(device)}\n`)
    writeFileSync(this.at('boot'), 'boot-1')
    for (const module of modules) writeFileSync(this.at(`${module}.version`), '1.0.0\n')
  }

  at(name: string): string {
    return join(this.path, name)
  }

  text(name: string): string {
    return readFileSync(this.at(name), 'utf8').trim()
  }

  /** Copies the file and takes its version, as an A/B system does. */
  get install(): string {
    return `cp "$GODWIT_FILE" ${this.quoted('slot')}.$GODWIT_MODULE && echo "$GODWIT_MODULE $GODWIT_PREVIOUS_VERSION>$GODWIT_VERSION" >> ${this.quoted('log')} && echo "$GODWIT_VERSION" > ${this.quoted('')}$GODWIT_MODULE.version`
  }

  get rollback(): string {
    return `echo "back $GODWIT_MODULE $GODWIT_PREVIOUS_VERSION" >> ${this.quoted('log')}; echo "$GODWIT_PREVIOUS_VERSION" > ${this.quoted('')}$GODWIT_MODULE.version`
  }

  quoted(name: string): string {
    return `'${this.path}/'${name}`
  }

  args(more: readonly string[] = []): string[] {
    return [
      'agent',
      ...['--server', proxy.url, '--token-file', this.at('token'), '--state', this.at('state')],
      ...['--version-file', this.at('{module}.version'), '--boot-id', this.at('boot')],
      ...this.modules.flatMap((module) => ['--module', module]),
      ...more,
    ]
  }

  once(hook = this.install, more: readonly string[] = []) {
    return runCommand([...this.args(['--install-hook', hook]), '--once', ...more])
  }

  start(hook = this.install, more: readonly string[] = []): ChildProcess {
    const args = [GODWIT, ...this.args(['--install-hook', hook]), ...more]
    return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'ignore'] })
  }

  /** What the server knows of the device's newest update. */
  async update(): Promise<{ id: string; state: string; reason: string; attempt: number } | undefined> {
    const reply = await fetch(`${server.url}/api/godwit/v1/updates?device=${this.device}`, { headers: authorization })
    const { items } = (await reply.json()) as { items: never[] }
    return items[0]
  }
}

/** A process that only waits to be reaped is none any more. */
function isAlive(pid: number): boolean {
  const path = `/proc/${pid}/stat`
  return existsSync(path) && !readFileSync(path, 'utf8').includes(') Z ')
}

async function killed(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

describe('the agent', () => {
  it('resumes a download that broke, installs, and proves what runs', async () => {
    const machine = new Machine('cut')
    proxy.cutNextAfter(250_000)
    const first = await machine.once()
    expect([first.code, first.stderr]).toEqual([1, expect.stringContaining('broke')])
    expect(existsSync(machine.at('slot.app'))).toBe(false)
    const second = await machine.once()
    expect(second.code, second.stderr).toBe(0)
    const resumed = proxy.requests.find((line) => line.includes('/artifacts/') && / bytes=\d+-$/.test(line))
    expect(Number(/bytes=(\d+)-$/.exec(resumed ?? '')?.[1])).toBeGreaterThan(100_000)
    expect(readFileSync(machine.at('slot.app')).equals(IMAGE)).toBe(true)
    expect(machine.text('log')).toBe('app 1.0.0>2.0.0')
    expect(await machine.update()).toMatchObject({ state: 'succeeded', attempt: 1 })
    expect(readdirSync(machine.at('state/downloads'))).toEqual([])
    expect((await machine.once()).code).toBe(0)
    expect(machine.text('log')).toBe('app 1.0.0>2.0.0')
  })

  it('reports a hook that fails with what it said, and waits as the server says', async () => {
    const machine = new Machine('fails')
    const { code, stderr } = await machine.once('echo "no room on /dev/mmcblk0" >&2; exit 3')
    expect(code, stderr).toBe(0)
    expect(await machine.update()).toMatchObject({
      state: 'failed',
      reason: 'install hook of app: exit code 3: no room on /dev/mmcblk0',
    })
    expect((await machine.once('echo again >> log')).code).toBe(0)
    expect(await machine.update()).toMatchObject({ state: 'failed', attempt: 1 })
    expect(machine.text('app.version')).toBe('1.0.0')
  })

  it('goes back when the new version does not run after the restart', async () => {
    const machine = new Machine('dead')
    const rollback = ['--rollback-hook', machine.rollback]
    expect((await machine.once('true', rollback)).code).toBe(0)
    expect(await machine.update()).toMatchObject({ state: 'installing' })
    expect(machine.text('state/reboot-required')).toMatch(/ 2\.0\.0$/)
    expect((await machine.once('false', rollback)).code).toBe(0)
    expect(await machine.update()).toMatchObject({ state: 'installing' })
    writeFileSync(machine.at('boot'), 'boot-2')
    const { code, stderr } = await machine.once('false', rollback)
    expect(code, stderr).toBe(0)
    expect(machine.text('log')).toBe('back app 1.0.0')
    expect(await machine.update()).toMatchObject({
      state: 'rolled-back',
      reason: 'app runs 1.0.0 after the restart, not 2.0.0',
    })
    expect(existsSync(machine.at('state/reboot-required'))).toBe(false)
  })

  it('installs all modules of a release, or none', async () => {
    const machine = new Machine('both', ['app', 'modem'])
    const rollback = ['--rollback-hook', machine.rollback]
    const { code } = await machine.once(`[ $GODWIT_MODULE = app ] || exit 1; ${machine.install}`, rollback)
    expect(code).toBe(0)
    expect(machine.text('log')).toBe('app 1.0.0>2.0.0\nback app 1.0.0')
    expect(await machine.update()).toMatchObject({ state: 'failed', reason: 'install hook of modem: exit code 1' })
  })

  it('refuses a module that is not its own', async () => {
    const machine = new Machine('strange')
    await machine.once()
    expect(await machine.update()).toMatchObject({
      state: 'failed',
      reason: 'this agent does not install modem',
    })
  })

  it('may be killed at any moment', async () => {
    const machine = new Machine('killed')
    proxy.limit(400_000)
    const slowly = `sleep 0.3; ${machine.install}; sleep 0.3`
    for (let round = 0; round < 12; round++) {
      const agent = machine.start(slowly)
      // Later each time: in the start, in the download, in the hook, in the report.
      await delay(300 + round * 250)
      await killed(agent)
    }
    const { code, stderr } = await machine.once(slowly)
    proxy.limit(undefined)
    expect(code, stderr).toBe(0)
    expect(readFileSync(machine.at('slot.app')).equals(IMAGE)).toBe(true)
    expect(await machine.update()).toMatchObject({ state: 'succeeded', attempt: 1 })
    expect(JSON.parse(machine.text('state/state.json'))).toEqual({ format: 1, reports: [] })
  })

  it('ends a hook that outlived it before it starts the next', async () => {
    const machine = new Machine('hooked')
    const begun = machine.at('begun')
    const agent = machine.start(`echo x >> '${begun}'; sleep 60; touch '${machine.at('late')}'`)
    await vi.waitFor(() => expect(existsSync(begun)).toBe(true), { timeout: 30_000 })
    await killed(agent)
    const { hook } = JSON.parse(machine.text('state/state.json')).work
    expect(isAlive(hook.pid)).toBe(true)
    const { code, stderr } = await machine.once()
    expect([code, stderr]).toEqual([0, expect.stringContaining('outlived')])
    expect(isAlive(hook.pid)).toBe(false)
    expect(await machine.update()).toMatchObject({ state: 'succeeded' })
  })

  it('holds the line, and keeps a second one from its folder', async () => {
    const machine = new Machine('waits')
    const agent = machine.start(machine.install, ['--wait'])
    const waiting = () => proxy.requests.some((line) => line.startsWith('GET /device/v1/wait'))
    await vi.waitFor(() => expect(waiting()).toBe(true), { timeout: 30_000 })
    const second = await machine.once()
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining('another agent')])
    const reply = await fetch(`${server.url}/api/godwit/v1/assignments`, {
      method: 'POST',
      headers: { ...authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ device: 'waits', module: 'app', product: 'gateway', version: '2.0.0' }),
    })
    expect(reply.status, await reply.text()).toBeLessThan(300)
    await vi.waitFor(async () => expect((await machine.update())?.state).toBe('succeeded'), { timeout: 30_000 })
    const gone = once(agent, 'exit')
    agent.kill('SIGTERM')
    expect(await gone).toEqual([0, null])
    expect(existsSync(machine.at('state/agent.pid'))).toBe(false)
  })

  it('says what is wrong with how it is called, and with a token that is not good', async () => {
    const machine = new Machine('full')
    expect((await runCommand(machine.args(['--once']))).code).toBe(2)
    writeFileSync(machine.at('token'), 'wrong')
    const { code, stderr } = await machine.once()
    expect([code, stderr]).toEqual([1, expect.stringContaining('status 401')])
  })
})
