import { createHash, randomBytes } from 'node:crypto'
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CommandLine, commandLine } from '../support/command-line.ts'
import { sharedPostgres } from '../support/postgres.ts'
import { OWNER, ROOT, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const postgres = await sharedPostgres()
const folder = await temporaryFolder()
const at = (name: string) => join(folder.path, name)
const godwit: CommandLine = commandLine(folder.path)
const GREENHOUSE = { id: '5e1b57808711f904f5df4bad', token: 'FSXuSmJRiJ4v' }
const image = readFileSync(join(ROOT, 'examples/firmware/greenhouse-1.4.0.bin'))

/** Runs `work` while a server serves the directory. */
async function serving<T>(data: string, work: (server: SpawnedServer) => Promise<T>, args: string[] = []): Promise<T> {
  const server = await spawnServer({ data: at(data), args })
  try {
    return await work(server)
  } finally {
    expect(await server.stop()).toBe(0)
  }
}

beforeAll(async () => {
  const example = join(ROOT, 'examples/fleet.yaml')
  await serving('data', async () => undefined, ['--apply', example])
})
afterAll(() => folder.remove())

/** An IoTaaP device downloads with its token; an EnOS device signs with its secret. Both are sealed in the database. */
async function expectDevicesProveThemselves({ url }: SpawnedServer): Promise<void> {
  const file = await fetch(`${url}/v1/ota/device/download/${GREENHOUSE.id}${GREENHOUSE.token}`)
  expect(file.status).toBe(200)
  expect(Buffer.from(await file.arrayBuffer()).equals(image)).toBe(true)
  const text = 'deviceKeydk1lifetime300000productKeyBXwU4kMksignMethodsha256s3cr3t'
  const sign = createHash('sha256').update(text).digest('hex')
  const session = await fetch(`${url}/auth/BXwU4kMk/dk1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ signMethod: 'sha256', lifetime: 300_000, sign }),
  })
  expect(await session.json()).toMatchObject({ code: 200 })
}

function asOwner(server: SpawnedServer): string[] {
  return ['--server', server.url, '--email', OWNER.email, '--organisation', 'acme']
}

describe('config, doctor and migrate', () => {
  it('config masks secrets and says what is effective', async () => {
    const env = { GODWIT_MASTER_KEY: 'c2VjcmV0', GODWIT_PORT: '9000', GODWIT_OWNER_PASSWORD: 'hidden-password' }
    const { code, stdout } = await godwit.run(['config', '--data', 'data', '--json'], { env })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ data: at('data'), port: 9000, masterKey: '***', ownerPassword: '***' })
    expect(await godwit.out('config', '--port', '7000')).toMatch(/^port +7000$/m)
    expect((await godwit.run(['config', '--port', 'x'])).code).toBe(2)
  })

  it('doctor finds a good installation good, running or not', async () => {
    expect(await godwit.json('doctor', '--data', 'data')).toMatchObject({ ok: true })
    await serving('data', async () => {
      expect(await godwit.out('doctor', '--data', 'data')).toContain(
        'ok    database: SQLite answers and is up to date; a server has it open',
      )
    })
  })

  it('doctor ends with 1 when something fails', async () => {
    cpSync(at('data'), at('keyless'), { recursive: true, filter: (path) => !path.endsWith('master.key') })
    const { code, stdout, stderr } = await godwit.run(['doctor', '--data', 'keyless'])
    expect([code, stdout, stderr]).toEqual([
      1,
      expect.stringMatching(/^fail {2}master key: .* is missing/m),
      expect.stringContaining('checks failed'),
    ])
  })

  it('migrate says what it did', async () => {
    expect(await godwit.out('migrate', '--data', 'fresh')).toContain('ran 0001-initial')
    expect(await godwit.out('migrate', '--data', 'fresh')).toBe('The database is up to date.\n')
    expect(await godwit.json('migrate', '--data', 'fresh')).toEqual({ migrations: [] })
  })

  it.skipIf(postgres.kind === 'none')('a server on PostgreSQL starts once migrate has run', async () => {
    if (postgres.kind === 'none') return
    const env = {
      GODWIT_DATABASE_URL: await postgres.createDatabase(),
      GODWIT_MASTER_KEY: randomBytes(32).toString('base64'),
    }
    await expect(spawnServer({ data: at('pg'), env })).rejects.toThrow(/run godwit migrate/)
    const doctor = await godwit.run(['doctor', '--data', 'pg'], { env })
    expect([doctor.code, doctor.stdout]).toEqual([1, expect.stringContaining('run "godwit migrate"')])
    expect((await godwit.run(['migrate', '--data', 'pg'], { env })).stdout).toContain('ran 0001-initial')
    const server = await spawnServer({ data: at('pg'), env })
    expect(await server.stop()).toBe(0)
    const backup = await godwit.run(['backup', 'pg.db', '--data', 'pg', '--with-key'], { env })
    expect([backup.code, backup.stdout], backup.stderr).toEqual([0, expect.stringContaining('pg.db: database and')])
    expect(await godwit.out('restore', 'pg.db', '--data', 'from-pg')).toMatch(/database and 0 files/)
    await serving('from-pg', async (moved) => expect((await fetch(`${moved.url}/readyz`)).status).toBe(200))
  })
})

describe('backup and restore', () => {
  it('a backup of a running server restores devices, secrets and bytes elsewhere', async () => {
    await serving('data', async (server) => {
      const { code, stdout, stderr } = await godwit.run(['backup', 'full.db', '--data', 'data', '--with-key'])
      expect([code, stdout], stderr).toEqual([0, expect.stringMatching(/database and \d+ files/)])
      await godwit.out('device', 'export', '--output', 'before.ndjson', ...asOwner(server))
    })
    expect(await godwit.out('restore', 'full.db', '--data', 'restored')).toMatch(/database and \d+ files/)
    await serving('restored', async (server) => {
      await expectDevicesProveThemselves(server)
      await godwit.out('device', 'export', '--output', 'after.ndjson', ...asOwner(server))
      expect(readFileSync(at('after.ndjson'), 'utf8')).toBe(readFileSync(at('before.ndjson'), 'utf8'))
      const made = await godwit.json('device', 'create', 'after-restore', ...asOwner(server))
      expect(made['number']).toBeGreaterThan(1_000_000)
    })
  })

  it('a backup without the key needs the key that was kept', async () => {
    expect((await godwit.run(['backup', 'keyless.db', '--data', 'data'])).stderr).toContain(
      'The master key is not in it',
    )
    expect((await godwit.run(['restore', 'keyless.db', '--data', 'no-key'])).stderr).toContain('put the old master.key')
    await expect(spawnServer({ data: at('no-key') })).rejects.toThrow('no-key/master.key is missing')
    cpSync(at('data/master.key'), at('no-key/master.key'))
    await serving('no-key', expectDevicesProveThemselves)
  })

  it('neither overwrites anything', async () => {
    const backup = await godwit.run(['backup', 'full.db', '--data', 'data'])
    expect([backup.code, backup.stderr]).toEqual([1, expect.stringContaining('exists already')])
    const restore = await godwit.run(['restore', 'full.db', '--data', 'data'])
    expect([restore.code, restore.stderr]).toEqual([1, expect.stringContaining('is not empty')])
    writeFileSync(at('text'), 'no backup')
    expect((await godwit.run(['restore', 'text', '--data', 'unused'])).code).toBe(1)
    expect(existsSync(at('unused'))).toBe(false)
  })
})

describe('key rotate and reset-password', () => {
  it('a rotation ends signed tokens; devices still prove themselves', async () => {
    cpSync(at('data'), at('rotated'), { recursive: true })
    const askWith = (server: SpawnedServer, token: string) =>
      fetch(`${server.url}/api/v2/ota-files`, { headers: { 'x-access-token': token } })
    const issue = async (server: SpawnedServer) =>
      (await godwit.out('device', 'token', 'truck-17', '--protocol', 'spoke-zone', ...asOwner(server))).trim()
    const before = await serving('rotated', async (server) => {
      const inTheWay = await godwit.run(['key', 'rotate', '--data', 'rotated'])
      expect([inTheWay.code, inTheWay.stderr]).toEqual([1, expect.stringContaining('stop it first')])
      const token = await issue(server)
      expect((await askWith(server, token)).status).toBe(200)
      return token
    })
    expect(await godwit.out('key', 'rotate', '--data', 'rotated')).toMatch(/^\d+ secrets sealed anew\.$/m)
    expect(readdirSync(at('rotated')).filter((name) => name.startsWith('master.key.'))).toHaveLength(1)
    await serving('rotated', async (server) => {
      await expectDevicesProveThemselves(server)
      expect((await askWith(server, before)).status).not.toBe(200)
      expect((await askWith(server, await issue(server))).status).toBe(200)
    })
  })

  it('a lost password is replaced on the server itself, and the lock with it', async () => {
    const login = (server: SpawnedServer, password: string) =>
      godwit.run(['login', '--server', server.url, '--email', 'ops@acme.example'], {
        env: { GODWIT_PASSWORD: password },
      })
    await serving('data', async (server) => {
      for (let attempt = 0; attempt < 10; attempt += 1) await login(server, 'wrong-password')
      expect((await login(server, 'change-me-now')).stderr).toContain('locked')
      const inTheWay = await godwit.run(['account', 'reset-password', 'ops@acme.example', '--data', 'data'])
      expect([inTheWay.code, inTheWay.stderr]).toEqual([1, expect.stringContaining('stop it first')])
    })
    const printed = (await godwit.out('account', 'reset-password', 'ops@acme.example', '--data', 'data')).trim()
    expect(printed).toMatch(/^\w{20}$/)
    const chosen = ['account', 'reset-password', OWNER.email, '--data', 'data', '--password-stdin']
    const { code, stdout } = await godwit.run(chosen, { input: 'chosen-password\n' })
    expect([code, stdout]).toEqual([0, ''])
    expect((await godwit.run(['account', 'reset-password', 'nobody@acme.example', '--data', 'data'])).code).toBe(1)
    await serving('data', async (server) => {
      expect((await login(server, 'change-me-now')).code).toBe(1)
      expect((await login(server, printed)).code).toBe(0)
      const owner = await godwit.run(['login', '--server', server.url, '--email', OWNER.email], {
        env: { GODWIT_PASSWORD: 'chosen-password' },
      })
      expect(owner.code, owner.stderr).toBe(0)
    })
  })
})
