import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type FaultyProxy, faultyProxy } from '../support/faulty-proxy.ts'
import { runCommand } from '../support/run-command.ts'
import { S3Fleet } from '../support/s3-fleet.ts'
import { S3_ENVIRONMENT, type S3TestServer, startS3Server } from '../support/s3-server.ts'
import { GODWIT, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

const FILES = 12
const IMAGES = Array.from({ length: FILES }, () => randomBytes(2 * 2 ** 20))
const LATE = randomBytes(300_000)

let folder: TemporaryFolder
let s3: S3TestServer
let proxy: FaultyProxy
let server: SpawnedServer
let fleet: S3Fleet
let data: string
let both: Record<string, string>

beforeAll(async () => {
  folder = await temporaryFolder()
  s3 = await startS3Server()
  proxy = await faultyProxy(s3.url, 'move')
  data = join(folder.path, 'data')
  both = { ...S3_ENVIRONMENT, GODWIT_BLOBS: s3.location('moved', proxy.url), GODWIT_BLOBS_FALLBACK: 'file:' }
  server = await spawnServer({ data })
  fleet = new S3Fleet(() => server.url)
  await fleet.create()
  for (const [index, bytes] of IMAGES.entries()) expect((await fleet.upload(`1.0.${index}`, bytes)).status).toBe(201)
  await fleet.assign('board', '1.0.0')
})
afterAll(async () => {
  await server.stop()
  await proxy.close()
  await s3.stop()
  await folder.remove()
})

const move = (...more: string[]) =>
  runCommand(['blobs', 'move', '--to', 's3', '--data', data, '--json', ...more], { env: both })
const inBucket = async () => (await s3.objects()).size
const onDisk = async () =>
  (await readdir(join(data, 'blobs'), { recursive: true })).filter((name) => /[0-9a-f]{64}$/.test(name)).length

it('files move to S3 while devices download; the move is killed in between, goes on, and nothing is lost', async () => {
  await server.stop()
  server = await spawnServer({ data, env: both })
  await fleet.create().catch(() => undefined)
  let isOver = false
  let downloads = 0
  const device = async () => {
    while (!isOver) {
      const reply = await fleet.board()
      expect(reply.status).toBe(200)
      expect(Buffer.from(await reply.arrayBuffer()).equals(IMAGES[0] ?? Buffer.alloc(0))).toBe(true)
      downloads += 1
    }
  }
  const devices = Promise.all([device(), device()])
  devices.catch(() => undefined)
  try {
    const dry = JSON.parse((await move('--dry-run')).stdout)
    expect(dry).toMatchObject({ dryRun: true, files: FILES, moved: FILES, present: 0, left: [] })
    expect(await inBucket()).toBe(0)

    // A share of the calls fails, so that what is killed is in the middle of everything.
    proxy.fail(0.3)
    const killed = spawn(process.execPath, [GODWIT, 'blobs', 'move', '--to', 's3', '--remove', '--data', data], {
      env: { ...process.env, ...both },
      stdio: 'ignore',
    })
    const exited = once(killed, 'exit')
    await expect.poll(inBucket, { timeout: 120_000, interval: 50 }).toBeGreaterThanOrEqual(2)
    killed.kill('SIGKILL')
    expect((await exited)[1]).toBe('SIGKILL')
    expect(await onDisk()).toBeGreaterThan(0)
    proxy.fail(0)

    // What comes meanwhile goes to the new store.
    const before = await inBucket()
    expect((await fleet.upload('2.0.0', LATE)).status).toBe(201)
    expect(await inBucket()).toBe(before + 1)
    for (const [index, bytes] of IMAGES.entries())
      expect((await fleet.fetchFirmware(`1.0.${index}`)).equals(bytes)).toBe(true)

    const rest = await move('--remove')
    expect(rest.code, rest.stderr).toBe(0)
    const result = JSON.parse(rest.stdout)
    expect(result).toMatchObject({ files: FILES + 1, left: [] })
    expect(result.moved + result.present).toBe(FILES + 1)
    expect(await onDisk()).toBe(0)
    expect(JSON.parse((await move()).stdout)).toMatchObject({ moved: 0, present: FILES + 1, left: [] })
  } finally {
    isOver = true
    await devices
  }
  expect(downloads).toBeGreaterThan(3)

  await server.stop()
  server = await spawnServer({ data, env: { ...S3_ENVIRONMENT, GODWIT_BLOBS: both['GODWIT_BLOBS'] ?? '' } })
  for (const [index, bytes] of IMAGES.entries())
    expect((await fleet.fetchFirmware(`1.0.${index}`)).equals(bytes)).toBe(true)
  expect((await fleet.fetchFirmware('2.0.0')).equals(LATE)).toBe(true)
})

it('is refused with what to set, where there is one store alone', async () => {
  const { code, stderr } = await runCommand(['blobs', 'move', '--to', 's3', '--data', data])
  expect(code).toBe(2)
  expect(stderr).toMatch(/GODWIT_BLOBS_FALLBACK/)
})
