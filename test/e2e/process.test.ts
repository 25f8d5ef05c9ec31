import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { IotaapEsp32 } from '../../src/simulator/devices/iotaap-esp32.ts'
import { sharedPostgres } from '../support/postgres.ts'
import { login, OWNER, ROOT, spawnServer } from '../support/spawn-server.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import { TEST_CERTIFICATE } from '../support/test-certificate.ts'

const FLEET = join(ROOT, 'examples/fleet.yaml')
const GREENHOUSE = { id: '5e1b57808711f904f5df4bad', token: 'FSXuSmJRiJ4v' }
const postgres = await sharedPostgres()
let folder: TemporaryFolder

beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => folder.remove())

describe('the server as a process', () => {
  it('makes its data directory for its user alone, key included, and drains on SIGTERM', async () => {
    const data = join(folder.path, 'first')
    const server = await spawnServer({ data })
    expect(statSync(data).mode & 0o777).toBe(0o700)
    expect(statSync(join(data, 'master.key')).mode & 0o777).toBe(0o600)
    const { hostname, port } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    const answer = new Promise<string>((resolve) => {
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk
      })
      socket.on('close', () => resolve(text))
    })
    // A login takes long enough to be under way when the signal comes.
    const body = JSON.stringify(OWNER)
    socket.write(
      `POST /api/godwit/v1/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    )
    await new Promise((resolve) => socket.once('connect', resolve))
    const code = server.stop()
    expect(await answer).toMatch(/^HTTP\/1\.1 200|^HTTP\/1\.1 201/)
    expect(await code).toBe(0)
  })

  it('serves TLS by itself: a board with one authority updates over it', async () => {
    const [cert, key] = [join(folder.path, 'cert.pem'), join(folder.path, 'key.pem')]
    writeFileSync(cert, TEST_CERTIFICATE.cert)
    writeFileSync(key, TEST_CERTIFICATE.key)
    const data = join(folder.path, 'tls')
    const server = await spawnServer({ data, args: ['--tls-cert', cert, '--tls-key', key, '--apply', FLEET] })
    try {
      expect(server.url).toMatch(/^https:/)
      const board = new IotaapEsp32({
        url: server.url,
        version: '1.3.0',
        device: GREENHOUSE,
        tls: { ca: TEST_CERTIFICATE.cert },
      })
      expect(await board.run()).toMatchObject({ kind: 'updated', version: '1.4.0' })
      const source = readFileSync(join(ROOT, 'examples/firmware/greenhouse-1.4.0.bin'))
      expect(source.equals(board.flash.runningBytes() ?? new Uint8Array())).toBe(true)
    } finally {
      await server.stop()
    }
  })

  it('refuses a second server on the same data directory, and the master key of another', async () => {
    const data = join(folder.path, 'shared')
    const server = await spawnServer({ data })
    await expect(spawnServer({ data })).rejects.toThrow(/in use|another|lock/i)
    await server.stop()
    const copy = join(folder.path, 'copy')
    mkdirSync(copy)
    cpSync(data, copy, { recursive: true })
    writeFileSync(join(copy, 'master.key'), Buffer.alloc(32, 7).toString('base64'))
    await expect(spawnServer({ data: copy })).rejects.toThrow('master key')
  })

  it.skipIf(postgres.kind === 'none')('serves the same fleet from PostgreSQL, after a migration', async () => {
    if (postgres.kind === 'none') return
    const env = {
      GODWIT_DATABASE_URL: await postgres.createDatabase(),
      GODWIT_MASTER_KEY: Buffer.alloc(32, 1).toString('base64'),
    }
    const data = join(folder.path, 'postgres')
    await expect(spawnServer({ data, env })).rejects.toThrow('godwit migrate')
    const migrated = spawnSync(process.execPath, [join(ROOT, 'bin/godwit.cjs'), 'migrate', '--data', data], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    })
    expect(migrated.status, migrated.stderr).toBe(0)
    const server = await spawnServer({ data, env, args: ['--apply', FLEET] })
    try {
      const board = new IotaapEsp32({ url: server.url, version: '1.3.0', device: GREENHOUSE })
      expect(await board.run()).toMatchObject({ kind: 'updated', version: '1.4.0' })
      expect(await board.run()).toMatchObject({ kind: 'up-to-date' })
    } finally {
      expect(await server.stop()).toBe(0)
    }
  })

  it('imports 100,000 devices with the tokens that they have, in one call', async () => {
    const server = await spawnServer({ data: join(folder.path, 'import') })
    try {
      const headers = await login(server.url)
      const lines = Array.from({ length: 100_000 }, (_, index) => {
        const serial = String(index).padStart(6, '0')
        const id = `5e1b5780${serial}f904f5df00`
        return JSON.stringify({ key: `device-${serial}`, id, credentials: { iotaap: { token: `token0${serial}` } } })
      })
      const reply = await fetch(`${server.url}/api/godwit/v1/devices/import`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/x-ndjson' },
        body: `${lines.join('\n')}\n`,
      })
      expect(reply.status, await reply.clone().text()).toBe(200)
      expect(await reply.json()).toMatchObject({ created: 100_000 })
      const jwt = await fetch(`${server.url}/v1/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(OWNER),
      })
      const { token } = (await jwt.json()) as { token: string }
      const device = await fetch(`${server.url}/v1/devices/5e1b5780099999f904f5df00`, {
        headers: { authorization: `Bearer ${token}` },
      })
      expect(await device.json()).toMatchObject({ token: 'token0099999' })
    } finally {
      await server.stop()
    }
  })
})
