import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encryption, signedDevice, signedHeaders } from '../conformance/isolation/enos-signing.ts'
import { sharedPostgres } from '../support/postgres.ts'
import { rawRequest } from '../support/raw-client.ts'
import { GODWIT, OWNER, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

const postgres = await sharedPostgres()
let folder: TemporaryFolder
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => folder.remove())

/** Every secret of a run, by what it is; none of them may be written anywhere. */
class Secrets {
  readonly #known = new Map<string, string>()

  /** Notes a secret and hands it on. */
  note(name: string, value: string): string {
    if (value.length < 8) throw new Error(`${name} is too short to be told from other text`)
    this.#known.set(name, value)
    return value
  }

  /** A secret of one's own making; `chars` of letters and digits. */
  make(name: string, chars = 24): string {
    return this.note(name, randomBytes(chars).toString('hex').slice(0, chars))
  }

  get size(): number {
    return this.#known.size
  }

  /** Names of those that stand in a text, as they are or encoded. */
  in(text: string): string[] {
    return [...this.#known]
      .filter(([, value]) =>
        [
          value,
          encodeURIComponent(value),
          JSON.stringify(value).slice(1, -1),
          Buffer.from(value).toString('base64'),
        ].some((shape) => text.includes(shape)),
      )
      .map(([name]) => name)
  }
}

/** One server, and everything that can be said to it with a secret in it. */
class Run {
  readonly #server: SpawnedServer
  readonly secrets: Secrets
  #token = ''

  constructor(server: SpawnedServer, secrets: Secrets) {
    this.#server = server
    this.secrets = secrets
  }

  get #port(): number {
    return Number(new URL(this.#server.url).port)
  }

  async send(
    method: string,
    path: string,
    options: { headers?: Record<string, string>; body?: string | Uint8Array } = {},
  ) {
    const { headers = {}, body } = options
    const reply = await fetch(this.#server.url + path, {
      method,
      headers,
      redirect: 'manual',
      ...(body !== undefined && { body: typeof body === 'string' ? body : new Uint8Array(body) }),
    })
    const text = await reply.text()
    return { status: reply.status, text, headers: reply.headers }
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests look at members of what came over the wire
  async api(method: string, path: string, body?: unknown): Promise<any> {
    const headers = {
      authorization: `Bearer ${this.#token}`,
      'content-type': 'application/json',
      'godwit-organisation': 'acme',
    }
    const given = body === undefined ? {} : { body: JSON.stringify(body) }
    const { status, text } = await this.send(method, `/api/godwit/v1${path}`, { headers, ...given })
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }

  json(path: string, body: unknown, headers: Record<string, string> = {}) {
    return this.send('POST', path, {
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  }

  /** Logs in, and puts one of everything into an organisation. */
  async fill() {
    const { secrets } = this
    const login = await this.json('/api/godwit/v1/login', OWNER)
    this.#token = secrets.note('login token', JSON.parse(login.text).token)
    const made = await this.json(
      '/api/godwit/v1/organisations',
      { key: 'acme' },
      { authorization: `Bearer ${this.#token}`, 'idempotency-key': secrets.make('idempotency key') },
    )
    if (made.status !== 201) throw new Error(made.text)
    const person = { email: 'ops@acme.example', password: secrets.make('account password') }
    await this.api('POST', '/accounts', { ...person, role: 'owner' })
    secrets.note('api token', (await this.api('POST', '/tokens', { name: 'ci', scope: 'write' })).token)
    await this.api('POST', '/products', { key: 'pk', modules: [{ key: 'app' }] })
    const credentials = {
      native: { token: secrets.make('native token', 32) },
      iotaap: { token: secrets.make('iotaap token', 12) },
      spokeZone: { cpuId: 'cpu-one', uuid: 'uuid-one' },
      enos: { secret: secrets.make('enos secret') },
      hawkbit: { targetToken: secrets.make('hawkbit token') },
    }
    const device = await this.api('POST', '/devices', { key: 'dk', product: 'pk', credentials })
    const board = { token: secrets.make('board token', 12) }
    const second = await this.api('POST', '/devices', { key: 'board', credentials: { iotaap: board } })
    const group = await this.api('POST', '/groups', { key: 'pilot' })
    const groupToken = secrets.make('group token', 16)
    await this.api('PUT', '/groups/pilot/credentials/iotaap', { token: groupToken })
    const rotated = await this.api('PUT', '/devices/board/credentials/hawkbit', {})
    secrets.note('generated hawkbit token', rotated.secret)
    const access = await this.api('POST', '/access-keys', {
      key: 'program',
      secret: secrets.make('access secret', 36),
      permissions: ['read', 'write'],
    })
    const { proof } = await this.api('POST', '/access-keys/program/proof')
    secrets.note('proof', proof)
    secrets.note('revealed secret', (await this.api('GET', '/devices/dk/credentials/enos/secret')).secret)
    const zoneToken = secrets.note(
      'device token',
      (await this.api('POST', '/devices/dk/token?protocol=spoke-zone')).token,
    )
    return { person, device, second, board, group, groupToken, credentials, access, proof, zoneToken }
  }
}

type Filled = Awaited<ReturnType<Run['fill']>>

/** Logins of every kind, right and wrong, in all shapes that their routes read. */
async function logIn(run: Run, { person, credentials, access }: Filled) {
  const { secrets } = run
  const wrong = secrets.make('wrong password')
  for (const password of [person.password, wrong]) {
    await run.json('/api/godwit/v1/login', { ...person, password })
    await run.json('/login', { username: person.email, password })
    await run.json('/v1/auth/login', { email: person.email, password })
    await run.send('POST', '/v1/auth/login', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `email=${person.email}&password=${password}`,
    })
    // Broken bodies, whose parsers like to quote what they saw.
    for (const path of ['/api/godwit/v1/login', '/login', '/v1/auth/login', '/loginDevice', '/device/v1/enrol'])
      for (const body of [`{"password":"${password}`, `{"password":${password}}`, `${password}`, `["${password}",]`])
        await run.send('POST', path, { headers: { 'content-type': 'application/json' }, body })
    await run.send('POST', `/login?password=${password}&token=${password}`, { body: password })
    await run.json('/api/godwit/v1/login', { email: 7, password: { deep: password } })
  }
  const user = await run.json('/v1/auth/login', person)
  const jwt = secrets.note('iotaap jwt', JSON.parse(user.text).token)
  const zone = await run.json('/login', { username: person.email, password: person.password })
  const zoneUser = secrets.note('spoke.zone user token', JSON.parse(zone.text).token)

  const now = Date.now()
  const digest = secrets.note('encryption', encryption('program', now, access.secret))
  const token = await run.json('/apim-token-service/v2.0/token/get', {
    appKey: 'program',
    encryption: digest,
    timestamp: now,
  })
  const accessToken = secrets.note('enos access token', JSON.parse(token.text).data.accessToken)
  const proved = signedDevice({ productKey: 'pk', deviceKey: 'dk', secret: credentials.enos.secret })
  const opened = await run.json('/auth/pk/dk', proved)
  const session = secrets.note('enos session', JSON.parse(opened.text).data.sessionId)
  secrets.note('enos device sign', String((proved as { sign: string }).sign))
  return { jwt, zoneUser, accessToken, session }
}

/** Everybody's secrets in addresses, headers and forms, right, wrong and misplaced. */
async function useSecrets(run: Run, filled: Filled, tokens: Awaited<ReturnType<typeof logIn>>): Promise<void> {
  const { secrets } = run
  const { device, second, board, group, groupToken, credentials, access, proof, zoneToken } = filled
  const wrong = secrets.make('wrong token', 12)
  const long = secrets.make('wrong long token', 64)
  const downloads = [
    `${second.id}${board.token}`,
    `${second.id}${wrong}`,
    `${device.id}${credentials.iotaap.token}`,
    `${second.id}${long}`,
    `${second.id}/${board.token}`,
    encodeURIComponent(`${second.id}${board.token}%`),
    `${board.token}`,
  ]
  for (const path of downloads)
    for (const method of ['GET', 'HEAD', 'POST', 'PUT'])
      for (const start of [
        '/v1/ota/device/download/',
        '//v1//ota/device/download/',
        '/v1/ota/group/download/',
        '/v1/ota/device/latest/',
      ])
        await run.send(method, `${start}${path}`)
  await run.send('GET', `/v1/ota/group/download/${group.id}${groupToken}?token=${groupToken}`)

  for (const secret of [zoneToken, tokens.zoneUser, tokens.jwt, credentials.native.token, long])
    for (const [method, path] of [
      ['GET', '/api/v2/ota-files'],
      ['GET', '/api/v2/ota-files/0x1/file'],
      ['GET', '/v1/devices'],
      ['GET', '/api/godwit/v1/devices'],
      ['POST', '/device/v1/check'],
      ['GET', '/metrics'],
      ['GET', '/nobody'],
      ['TRACE', '/nobody'],
    ] as const) {
      const headers = {
        'x-access-token': secret,
        authorization: `Bearer ${secret}`,
        cookie: `session=${secret}`,
        'proxy-authorization': `Basic ${secret}`,
      }
      if (method !== 'TRACE') await run.send(method, path, { headers })
      await run.send(
        method === 'TRACE' ? 'GET' : method,
        `${path}?token=${secret}&x-access-token=${secret}&access_token=${secret}`,
      )
    }
  await run.json('/loginDevice', { token: zoneToken, cpu_id: 'cpu-one', uuid: 'uuid-one' })
  await run.json('/loginDevice', { token: long, cpu_id: long, uuid: long })

  const query = { action: 'search', orgId: 'acme' }
  const timestamp = Date.now()
  const signed = signedHeaders({ token: tokens.accessToken, secret: access.secret, query, timestamp })
  secrets.note('enos signature', signed['apim-signature'] ?? '')
  const calls = `/connect-service/v2.1/ota-firmwares?${new URLSearchParams(query)}`
  await run.send('GET', calls, { headers: signed })
  await run.send('GET', calls, { headers: { ...signed, 'apim-accesstoken': long } })
  const opaque = secrets.note('opaque header', `${randomBytes(256).toString('base64').slice(0, 342)}==`)
  await run.send('GET', calls, { headers: { 'apim-accesstoken': opaque, 'x-godwit-proof': `program:${proof}` } })
  for (const session of [tokens.session, long]) {
    await run.json(`/topic/sys/pk/dk/ota/device/inform?sessionId=${session}`, { id: '1', params: { version: '1' } })
    await run.json(`/topic/sys/pk/dk/ota/device/nothing?sessionId=${session}`, {})
    await run.send(
      'GET',
      `/multipart/sys/pk/dk/file/download?sessionId=${session}&fileUri=enos-connect://x.bin&category=ota`,
    )
    await run.send('GET', `/multipart/signed/${session}/x.bin`)
  }
  await run.json('/device/v1/enrol', { key: 'program', secret: access.secret, device: 'x', token: long })
}

/** Uploads with tokens in their fields: of somebody else, cut off, and right. */
async function deploy(run: Run, { second, board }: Filled, jwt: string): Promise<void> {
  const field = (name: string, value: string) =>
    `--x\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  const file = '--x\r\ncontent-disposition: form-data; name="firmware"; filename="f.bin"\r\n\r\nimage\r\n'
  const form = (token: string, end = '--x--\r\n') =>
    field('device', second.id) + field('token', token) + field('version', '1.0.0') + file + end
  const headers = { authorization: `Bearer ${jwt}`, 'content-type': 'multipart/form-data; boundary=x' }
  for (const body of [form('wrongwrong12'), form(board.token, ''), form(board.token)])
    await run.send('POST', '/v1/ota/device', { headers, body })
  await run.send('GET', `/v1/ota/device?search_value=${board.token}`, {
    headers: { authorization: headers.authorization },
  })
}

/** Takes every stored file away, and asks for it over each protocol: the server is at fault, and says so in its log. */
async function breakFiles(
  run: Run,
  filled: Filled,
  given: { tokens: Awaited<ReturnType<typeof logIn>>; data: string },
) {
  const { second, board } = filled
  const { tokens, data } = given
  const bearer = { authorization: `Bearer ${tokens.jwt}` }
  const upload = await run.api('POST', '/tokens', { name: 'upload', scope: 'admin' })
  run.secrets.note('upload token', upload.token)
  const pushed = await run.send(
    'POST',
    '/api/godwit/v1/firmware?organisation=acme&product=pk&version=2.0.0&active=true',
    {
      headers: { authorization: `Bearer ${upload.token}`, 'content-type': 'application/octet-stream' },
      body: randomBytes(5_000),
    },
  )
  const firmware = JSON.parse(pushed.text) as { id: string; number: number; file: { sha256: string } }
  await run.api('POST', '/assignments', { device: 'dk', firmware: firmware.id })
  const session = `sessionId=${tokens.session}`
  const informed = await run.json(`/topic/sys/pk/dk/ota/device/inform?${session}`, {
    id: '1',
    params: { version: '1' },
  })
  const { params } = JSON.parse(informed.headers.get('command-payload') ?? '{"params":{}}') as {
    params: { fileUrl?: string }
  }
  const query = `${session}&fileUri=${params.fileUrl}&category=ota`
  const url = await run.send('GET', `/multipart/sys/pk/dk/file/download/url?${query}`)
  const signedUrl = new URL((JSON.parse(url.text) as { data: string }).data)
  run.secrets.note('signed address', signedUrl.pathname.split('/')[3] ?? '')

  for (const entry of readdirSync(join(data, 'blobs'), { recursive: true, withFileTypes: true }))
    if (entry.isFile()) rmSync(join(entry.parentPath, entry.name))
  const broken = [
    await run.send('GET', `/v1/ota/device/download/${second.id}${board.token}`, { headers: bearer }),
    await run.send('GET', `/api/v2/ota-files/${firmware.number}/file`, {
      headers: { 'x-access-token': tokens.zoneUser },
    }),
    await run.send('GET', `/multipart/sys/pk/dk/file/download?${query}`),
    await run.send('GET', signedUrl.pathname),
    await run.send('GET', `/api/godwit/v1/firmware/${firmware.id}/file?organisation=acme`, {
      headers: { authorization: `Bearer ${upload.token}` },
    }),
  ]
  const kept = broken.filter(({ status }) => status < 500)
  expect(kept, 'a file that is gone is the fault of the server').toEqual([])
  for (const { text } of broken) expect(text).not.toMatch(/\bat \S+ \(|ENOENT|blobs\//)
}

/** Everything sealed or hashed in an embedded database. */
function noteSealed(secrets: Secrets, file: string): void {
  const database = new DatabaseSync(file, { readOnly: true })
  for (const [table, column] of [
    ['credentials', 'sealed'],
    ['access_keys', 'sealed_secret'],
    ['access_tokens', 'sealed'],
    ['accounts', 'password_hash'],
  ])
    for (const row of database.prepare(`select ${column} as value from ${table} where ${column} is not null`).all())
      secrets.note(`${table}.${column} ${secrets.size}`, String(row['value']))
  database.close()
}

async function talk(server: SpawnedServer, secrets: Secrets, data: string): Promise<void> {
  const run = new Run(server, secrets)
  const filled = await run.fill()
  const tokens = await logIn(run, filled)
  await useSecrets(run, filled, tokens)
  await deploy(run, filled, tokens.jwt)
  const absolute = secrets.make('password in an address')
  await rawRequest(Number(new URL(server.url).port), [
    `GET http://user:${absolute}@elsewhere/api/v2/ota-files?token=${absolute} HTTP/1.1`,
    'Host: test',
  ])
  await breakFiles(run, filled, { tokens, data })
}

describe('no secret is ever logged', () => {
  it.each(['trace', 'debug', 'info'])('at level %s, over SQLite', async (level) => {
    const data = join(folder.path, level)
    const secrets = new Secrets()
    const server = await spawnServer({ data, env: { GODWIT_LOG: level } })
    secrets.note('owner password', OWNER.password)
    secrets.note('master key', readFileSync(join(data, 'master.key'), 'utf8').trim())
    await talk(server, secrets, data)
    expect(await server.stop()).toBe(0)
    noteSealed(secrets, join(data, 'godwit.db'))

    expect(secrets.size).toBeGreaterThan(40)
    expect(server.stderr()).toContain('"level":50')
    expect(secrets.in(server.stderr())).toEqual([])
    expect(secrets.in(server.stdout())).toEqual([])
  })

  it.skipIf(postgres.kind === 'none')('over PostgreSQL, the key in the environment', async () => {
    if (postgres.kind === 'none') return
    const data = join(folder.path, 'postgres')
    mkdirSync(data, { mode: 0o700 })
    const secrets = new Secrets()
    const key = secrets.note('master key', randomBytes(32).toString('base64'))
    const url = await postgres.createDatabase()
    const env = { GODWIT_LOG: 'trace', GODWIT_DATABASE_URL: url, GODWIT_MASTER_KEY: key }
    await migrate(data, env)
    const server = await spawnServer({ data, env })
    secrets.note('owner password', OWNER.password)
    await talk(server, secrets, data)
    expect(await server.stop()).toBe(0)
    expect(server.stderr()).toContain('"level":50')
    expect(secrets.in(server.stderr())).toEqual([])
    expect(secrets.in(server.stdout())).toEqual([])
  })

  it('not even when the server cannot start', async () => {
    const secrets = new Secrets()
    const password = secrets.make('database password')
    const key = secrets.note('master key', createHash('sha256').update('key').digest('base64'))
    const env = {
      GODWIT_LOG: 'trace',
      GODWIT_DATABASE_URL: `postgres://user:${password}@127.0.0.1:1/godwit`,
      GODWIT_MASTER_KEY: key,
      GODWIT_OWNER_PASSWORD: secrets.make('owner password'),
    }
    for (const args of [['serve', '--port', '0'], ['migrate'], ['config'], ['doctor']]) {
      const { output } = await run(args, join(folder.path, 'nothing'), env)
      expect(output.length, args.join(' ')).toBeGreaterThan(0)
      expect(secrets.in(output), args.join(' ')).toEqual([])
    }
    const broken = { ...env, GODWIT_MASTER_KEY: `${key}${secrets.make('more key')}` }
    expect(secrets.in((await run(['serve', '--port', '0'], join(folder.path, 'nothing'), broken)).output)).toEqual([])
  })
})

function run(
  args: readonly string[],
  data: string,
  env: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [GODWIT, ...args, '--data', data], { env: { ...process.env, ...env } })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        output += chunk
      })
    child.once('close', (code) => resolve({ code, output }))
  })
}

async function migrate(data: string, env: Record<string, string>): Promise<void> {
  const { code, output } = await run(['migrate'], data, env)
  if (code !== 0) throw new Error(output)
}
