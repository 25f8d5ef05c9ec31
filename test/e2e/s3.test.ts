import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { migrateConfigured } from '../../src/server/maintenance/migrate-database.ts'
import { type FaultyProxy, faultyProxy } from '../support/faulty-proxy.ts'
import { configFor } from '../support/installation.ts'
import { sharedPostgres } from '../support/postgres.ts'
import { runCommand } from '../support/run-command.ts'
import { NATIVE_TOKEN, S3Fleet } from '../support/s3-fleet.ts'
import { S3_ENVIRONMENT, type S3TestServer, startS3Server } from '../support/s3-server.ts'
import { type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

const postgres = await sharedPostgres()
const IMAGE = randomBytes(9 * 2 ** 20 + 3)

let s3: S3TestServer
beforeAll(async () => {
  s3 = await startS3Server()
})
afterAll(() => s3.stop())

describe.each([['SQLite'], ...(postgres.kind === 'none' ? [] : [['PostgreSQL']])])(
  'files in S3 and rows in %s',
  (name) => {
    let folder: TemporaryFolder
    let proxy: FaultyProxy
    let server: SpawnedServer
    let fleet: S3Fleet
    let data: string
    let env: Record<string, string>

    beforeEach(async () => {
      folder = await temporaryFolder()
      proxy = await faultyProxy(s3.url, name)
      data = join(folder.path, 'data')
      mkdirSync(data)
      writeFileSync(join(data, 'godwit.yaml'), 's3: { redirect: true, redirectSeconds: 60, checkSeconds: 1 }\n')
      env = { ...S3_ENVIRONMENT, GODWIT_BLOBS: s3.location(`${name.toLowerCase()}-${Date.now()}`, proxy.url) }
      if (postgres.kind === 'running' && name === 'PostgreSQL') {
        env['GODWIT_DATABASE_URL'] = await postgres.createDatabase()
        env['GODWIT_MASTER_KEY'] = Buffer.alloc(32, 7).toString('base64')
        await migrateConfigured(configFor(data, env))
      }
      server = await spawnServer({ data, env })
      fleet = new S3Fleet(() => server.url)
      await fleet.create()
    })
    afterEach(async () => {
      await server.stop()
      await proxy.close()
      await folder.remove()
    })

    it('takes a file and gives it to devices: whole, in parts, and from S3 itself to who asks', async () => {
      expect((await fleet.upload('1.0.0', IMAGE)).status).toBe(201)
      for (const device of ['board', 'gateway']) await fleet.assign(device, '1.0.0')
      const whole = await fleet.board()
      expect(whole.headers.get('content-length')).toBe(String(IMAGE.length))
      expect(Buffer.from(await whole.arrayBuffer()).equals(IMAGE)).toBe(true)

      const url = await fleet.gatewayUrl()
      const headers = { authorization: `Bearer ${NATIVE_TOKEN}` }
      const part = await fetch(url, { headers: { ...headers, range: 'bytes=5000000-5000099' } })
      expect(part.status).toBe(206)
      expect(Buffer.from(await part.arrayBuffer()).equals(IMAGE.subarray(5_000_000, 5_000_100))).toBe(true)
      const redirect = await fetch(url, { headers: { ...headers, prefer: 'redirect' }, redirect: 'manual' })
      expect(redirect.status).toBe(302)
      const direct = await fetch(redirect.headers.get('location') ?? '')
      expect(Buffer.from(await direct.arrayBuffer()).equals(IMAGE)).toBe(true)
      expect(server.stderr()).not.toContain('X-Amz-Signature')
    })

    it('lets the agent of this package fetch from S3 itself, and through the server when it cannot', async () => {
      await fleet.upload('1.0.0', IMAGE)
      await fleet.assign('gateway', '1.0.0')
      const { Wire } = await import('../../src/agent/wire.ts')
      const url = await fleet.gatewayUrl()
      const wire = new Wire({ server: server.url, token: NATIVE_TOKEN })
      const fetchFrom = async (from: number) => {
        const reply = await wire.fetch(url, from, AbortSignal.timeout(60_000))
        const chunks: Uint8Array[] = []
        for await (const chunk of reply.body) chunks.push(chunk)
        return { tag: reply.header('etag'), bytes: Buffer.concat(chunks) }
      }
      const direct = await fetchFrom(1000)
      expect(direct.bytes.equals(IMAGE.subarray(1000))).toBe(true)
      // S3's own tag, not the server's.
      expect(direct.tag).toMatch(/^"[0-9a-f]{32}(-\d+)?"$/)
      await server.stop()
      writeFileSync(join(data, 'godwit.yaml'), 's3: { redirect: true, redirectEndpoint: "http://127.0.0.1:9" }\n')
      server = await spawnServer({ data, env, args: ['--port', new URL(server.url).port] })
      const through = await fetchFrom(IMAGE.length - 10)
      expect(through.bytes.equals(IMAGE.subarray(-10))).toBe(true)
      expect(through.tag).toMatch(/^"sha256-/)
    })

    it('is not ready while S3 is gone, says why, and is ready again by itself', async () => {
      const ready = async () => (await fetch(`${server.url}/readyz`)).status
      expect(await ready()).toBe(200)
      await fleet.upload('1.0.0', IMAGE)
      await fleet.assign('board', '1.0.0')
      proxy.fail(1, ['slow-down', 'error-500'])
      await expect.poll(ready, { timeout: 60_000, interval: 500 }).toBe(503)
      expect(server.stderr()).toMatch(
        /Blob store: .* in S3 failed \((SlowDown, 503|InternalError, 500|HTTP 50[03]), 8 attempts\); the store/,
      )
      const refused = await fleet.upload('2.0.0', randomBytes(1000))
      expect(refused.status).toBe(503)
      expect(JSON.parse(refused.text)).toMatchObject({ code: 'storage-failed' })
      proxy.fail(0)
      await expect.poll(ready, { timeout: 60_000, interval: 500 }).toBe(200)
      expect((await fleet.upload('2.0.0', randomBytes(1000))).status).toBe(201)
      expect(Buffer.from(await (await fleet.board()).arrayBuffer()).equals(IMAGE)).toBe(true)
    })

    it('loses nothing that it acknowledged while 30 % of the calls to S3 fail', async () => {
      const bodies = Array.from({ length: 6 }, (_, index) => randomBytes(index % 2 === 0 ? 50_000 : 9 * 2 ** 20))
      proxy.fail(0.3)
      const answers = await Promise.all(bodies.map((bytes, index) => fleet.upload(`1.0.${index}`, bytes)))
      for (const { status, text } of answers)
        if (status !== 201) expect([status, text]).toEqual([503, expect.stringContaining('storage-failed')])
      const taken = bodies.flatMap((bytes, index) => (answers[index]?.status === 201 ? [{ bytes, index }] : []))
      expect(taken.length).toBeGreaterThanOrEqual(bodies.length - 1)
      await fleet.assign('board', `1.0.${taken[0]?.index}`)
      const download = await fleet.board()
      if (download.ok)
        expect(Buffer.from(await download.arrayBuffer()).equals(taken[0]?.bytes ?? Buffer.alloc(0))).toBe(true)
      else expect(download.status).toBeGreaterThanOrEqual(500)
      proxy.fail(0)
      for (const { bytes, index } of taken) expect((await fleet.fetchFirmware(`1.0.${index}`)).equals(bytes)).toBe(true)
    })

    it('is what doctor looks at', async () => {
      const { code, stdout } = await runCommand(['doctor', '--json', '--data', data], { env })
      expect(code).toBe(0)
      const { findings } = JSON.parse(stdout) as { findings: Array<{ check: string; verdict: string; detail: string }> }
      expect(findings.find(({ check }) => check === 'blobs')).toMatchObject({ verdict: 'ok' })
      const nowhere = { ...env, GODWIT_BLOBS: `s3://nowhere?endpoint=${s3.url}` }
      const broken = await runCommand(['doctor', '--data', data], { env: nowhere })
      expect(broken.code).toBe(1)
      expect(broken.stdout).toMatch(/fail {2}blobs: s3:\/\/nowhere: Blob store: .*the bucket does not exist/)
    })
  },
)

it('a backup holds the files of a bucket, and a restore brings them into one', async () => {
  const folder = await temporaryFolder()
  const data = join(folder.path, 'data')
  const env = { ...S3_ENVIRONMENT, GODWIT_BLOBS: s3.location('backed-up') }
  let server = await spawnServer({ data, env })
  const fleet = new S3Fleet(() => server.url)
  try {
    await fleet.create()
    await fleet.upload('1.0.0', IMAGE)
    const file = join(folder.path, 'backup.db')
    const backup = await runCommand(['backup', file, '--with-key', '--data', data], { env })
    expect([backup.code, backup.stdout]).toEqual([0, expect.stringMatching(/database and 1 files/)])
    await server.stop()
    const other = { ...S3_ENVIRONMENT, GODWIT_BLOBS: s3.location('restored') }
    const restored = join(folder.path, 'restored')
    expect((await runCommand(['restore', file, '--data', restored], { env: other })).code).toBe(0)
    server = await spawnServer({ data: restored, env: other })
    expect((await fleet.fetchFirmware('1.0.0')).equals(IMAGE)).toBe(true)
    expect([...(await s3.objects()).keys()].filter((key) => key.startsWith('restored/'))).toHaveLength(1)
  } finally {
    await server.stop()
    await folder.remove()
  }
})
