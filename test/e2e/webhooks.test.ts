import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type CommandLine, commandLine } from '../support/command-line.ts'
import { GODWIT, OWNER, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = await temporaryFolder()
const data = join(folder.path, 'data')
const PATIENTLY = { timeout: 30_000, interval: 50 }

interface Delivered {
  readonly id: string
  readonly type: string
  readonly key: string
}

let server: SpawnedServer
let godwit: CommandLine
let port = ''
/** What the receiver answered 204. */
const taken: Delivered[] = []
/** What it was sent at all. */
const sent: Delivered[] = []
let answer: (delivered: Delivered) => Promise<number> = async () => 204
const receiver = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  const { id, type, details } = JSON.parse(body)
  const delivered = { id, type, key: details.key }
  sent.push(delivered)
  const status = await answer(delivered)
  if (status === 204) taken.push(delivered)
  response.writeHead(status).end()
})

const start = () => spawnServer({ data, ...(port !== '' && { args: ['--port', port] }) })
const keysOf = (delivered: readonly Delivered[]) => delivered.map(({ key }) => key)

beforeAll(async () => {
  mkdirSync(data, { mode: 0o700 })
  writeFileSync(join(data, 'godwit.yaml'), 'webhooks: { allowPrivate: true }\n')
  server = await start()
  port = new URL(server.url).port
  receiver.listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  godwit = commandLine(folder.path)
  await godwit.out('login', '--server', server.url, '--email', OWNER.email)
})

afterAll(async () => {
  await server?.stop()
  receiver.closeAllConnections()
  receiver.close()
  await folder.remove()
})

it('webhooks are operated from the command line', async () => {
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
  const made = await godwit.json('webhook', 'create', url, '--types', 'group.created,webhook.test', '--name', 'chat')
  expect(made).toMatchObject({ secret: expect.stringMatching(/^whsec_/), types: ['group.created', 'webhook.test'] })
  const id = String(made['id'])
  expect(await godwit.out('webhook', 'test', id)).toBe('delivered: 204\n')
  expect(await godwit.out('webhook', 'list')).toMatch(/chat +http:.* on +- +0 +[0-9a-f]{24}\n$/)
  expect(await godwit.out('webhook', 'secret', id, '--overlap', '60')).toMatch(/^whsec_\w{44}\n$/)
  answer = async () => 500
  const refused = await godwit.run(['webhook', 'test', id])
  expect([refused.code, refused.stderr]).toEqual([1, 'godwit: not delivered: it answered 500.\n'])
  answer = async () => 204
  expect(await godwit.json('webhook', 'change', id, '--types', 'group.created')).toMatchObject({
    types: ['group.created'],
  })
  expect(await godwit.out('webhook', 'dead-letters', id)).toMatch(/^GIVEN UP AT/)
  expect(await godwit.out('webhook', 'replay', id)).toBe('0 queued\n')
  const other = await godwit.json('webhook', 'create', 'https://hooks.example.test/', '--disable')
  expect(await godwit.out('webhook', 'delete', String(other['id']))).toContain('is deleted')
  const private_ = await godwit.run(['webhook', 'create', 'ftp://x'])
  expect([private_.code, private_.stderr]).toEqual([1, expect.stringContaining('http or https')])
  sent.length = 0
  taken.length = 0
})

it('a delivery is repeated, and none lost, when the server is killed before it knows the answer', async () => {
  await godwit.out('group', 'create', 'one')
  await expect.poll(() => keysOf(taken), PATIENTLY).toEqual(['one'])
  const killed = Promise.withResolvers<void>()
  answer = async ({ key }) => {
    if (key !== 'two') return 204
    answer = async () => 204
    await server.kill9()
    killed.resolve()
    return 204
  }
  await godwit.run(['group', 'create', 'two'])
  await killed.promise
  server = await start()
  await godwit.out('group', 'create', 'three')
  await expect.poll(() => keysOf(sent), PATIENTLY).toEqual(['one', 'two', 'two', 'three'])
  expect(new Set(sent.filter(({ key }) => key === 'two').map(({ id }) => id)).size).toBe(1)
})

it('event watch shows each event once, across a restart of the server', async () => {
  const child = spawn(process.execPath, [GODWIT, 'event', 'watch', '--type', 'group', '--json'], {
    cwd: folder.path,
    env: { PATH: process.env['PATH'], XDG_CONFIG_HOME: join(folder.path, 'config'), NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let shown = ''
  child.stdout.on('data', (chunk) => {
    shown += chunk
  })
  let notes = ''
  child.stderr.on('data', (chunk) => {
    notes += chunk
  })
  const keys = () =>
    shown
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line).details.key)
  try {
    // Until the stream is open, nothing tells: groups are made until one is shown.
    let made = 0
    const shownFirst = async () => {
      await godwit.out('group', 'create', `w${made++}`)
      return keys().length
    }
    await expect.poll(shownFirst, PATIENTLY).toBeGreaterThan(0)
    await expect.poll(() => keys().at(-1), PATIENTLY).toBe(`w${made - 1}`)
    expect(await server.stop()).toBe(0)
    await expect.poll(() => notes, PATIENTLY).toContain('coming again')
    server = await start()
    await godwit.out('group', 'create', 'after')
    await expect.poll(() => keys().at(-1), PATIENTLY).toBe('after')
    expect(new Set(keys()).size).toBe(keys().length)
    const all = await godwit.out('event', 'watch', '--type', 'group.created', '--after', '0', '--no-follow', '--json')
    const everything = all
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).details.key)
    expect(everything.slice(-keys().length)).toEqual(keys())
  } finally {
    child.kill()
    await once(child, 'exit')
  }
})

it('event watch tells in words what it shows, and ends with what is refused', async () => {
  const text = await godwit.out('event', 'watch', '--type', 'webhook.deleted', '--after', '0', '--no-follow')
  expect(text).toMatch(/^\S+Z {2}webhook\.deleted {2}owner@localhost {2}webhook [0-9a-f]{24} {2}.*hooks\.example\.test/)
  const refused = await godwit.run(['event', 'watch', '--after', 'nonsense'])
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('no id of a message or event')])
})
