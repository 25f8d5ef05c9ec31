import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, expect, it } from 'vitest'
import { configFor, type Planted, plant, withCore } from '../../../test/support/installation.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { SYSTEM } from '../../core/event/event.ts'
import { blobPlace } from '../../storage/blob/blob-path.ts'
import type { Config } from '../config/settings.ts'
import { createBackup } from './create-backup.ts'
import { restoreBackup } from './restore-backup.ts'

const NOW = Date.UTC(2026, 10, 1, 12)
const folder = await temporaryFolder()
afterAll(() => folder.remove())
let count = 0
const empty = () => configFor(join(folder.path, `data-${count++}`))
const newFile = () => join(folder.path, `backup-${count++}.db`)
/** Two whole parts and a piece. */
const SIZE = 2.5 * 2 ** 20

async function backedUp(withKey = true): Promise<{ config: Config; planted: Planted; file: string }> {
  const config = empty()
  const planted = await plant(config, SIZE)
  const file = newFile()
  await createBackup(config, file, { withKey, now: NOW })
  return { config, planted, file }
}

/** The stored bytes, and the secrets under the key that is there. */
async function expectSame(config: Config, planted: Planted): Promise<void> {
  await withCore(config, async (core) => {
    const device = await core.devices.get(planted.organisation, 'truck-17')
    expect(device.id).toBe(planted.deviceId)
    const [credential] = await core.deps.storage.read.credentials.listByDevice(device.serial, 'iotaap')
    expect(credential && core.credentials.reveal(credential)).toBe(planted.iotaapToken)
    const blob = await core.deps.blobs.open(planted.sha256, planted.bytes.length)
    await blob.close()
    expect(readFileSync(blobPlace(join(config.data, 'blobs'), planted.sha256).file).equals(planted.bytes)).toBe(true)
  })
}

it('brings back devices, secrets and bytes, from one file', async () => {
  const { planted, file } = await backedUp()
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const to = empty()
  const steps: number[] = []
  const result = await restoreBackup(to, file, {
    onStart: (total) => steps.push(-total),
    onBytes: (bytes) => steps.push(bytes),
  })
  expect(result).toMatchObject({ blobs: 1, createdAt: '2026-11-01T12:00:00.000Z', masterKey: 'backup' })
  expect(steps.reduce((sum, step) => sum + step, 0)).toBe(0)
  await expectSame(to, planted)
})

it('never gives a number again that a device may have seen after the backup', async () => {
  const { planted, file } = await backedUp()
  const to = empty()
  await restoreBackup(to, file)
  await withCore(to, async (core) => {
    const scope = { actor: SYSTEM, organisation: planted.organisation }
    expect((await core.devices.create(scope, { key: 'truck-18' })).serial).toBe(planted.device + 1_000_001)
    expect((await core.groups.create(scope, { key: 'first' })).serial).toBe(1_000_001)
  })
})

it('works while a server writes', async () => {
  const config = empty()
  const planted = await plant(config, SIZE)
  const file = newFile()
  await withCore(config, async (core) => {
    const scope = { actor: SYSTEM, organisation: planted.organisation }
    const writing = Promise.all(
      Array.from({ length: 50 }, (_, index) => core.devices.create(scope, { key: `late-${index}` })),
    )
    await createBackup(config, file, { now: NOW, withKey: true })
    await writing
  })
  const to = empty()
  await restoreBackup(to, file)
  await expectSame(to, planted)
})

it('leaves the key out unless asked, and takes the one that lies there', async () => {
  const { config, planted, file } = await backedUp(false)
  const to = empty()
  mkdirSync(to.data)
  writeFileSync(join(to.data, 'master.key'), readFileSync(join(config.data, 'master.key')), { mode: 0o600 })
  writeFileSync(join(to.data, 'godwit.yaml'), 'port: 9000\n')
  expect(await restoreBackup(to, file)).toMatchObject({ masterKey: 'present' })
  await expectSame(to, planted)
  expect(readFileSync(file).includes(readFileSync(join(config.data, 'master.key'), 'utf8').trim())).toBe(false)
})

it('refuses a directory that is not empty', async () => {
  const { config, file } = await backedUp()
  await expect(restoreBackup(config, file)).rejects.toMatchObject({ code: 'conflict' })
})

it('refuses another master key than that of the backup', async () => {
  const { file } = await backedUp()
  const to = empty()
  mkdirSync(to.data)
  writeFileSync(join(to.data, 'master.key'), `${Buffer.alloc(32).toString('base64')}\n`)
  await expect(restoreBackup(to, file)).rejects.toMatchObject({ code: 'conflict' })
  expect(existsSync(join(to.data, 'godwit.db'))).toBe(false)
})

it.each([
  ['database', 0],
  ['blob', 2],
])('notices a damaged %s and leaves nothing behind', async (kind, part) => {
  const { file } = await backedUp()
  const database = new DatabaseSync(file)
  database
    .prepare(
      `update backup_part set bytes = x'00' where part = ? and entry = (select entry from backup_entry where kind = ?)`,
    )
    .run(part, kind)
  database.close()
  const to = empty()
  await expect(restoreBackup(to, file)).rejects.toMatchObject({ code: 'blob-damaged' })
  expect(readdirSync(to.data)).toEqual(['godwit.db-lock'])
})

it('refuses what is no backup', async () => {
  const file = newFile()
  writeFileSync(file, 'not a database at all, only text that goes on for a while')
  await expect(restoreBackup(empty(), file)).rejects.toMatchObject({ code: 'invalid' })
  await expect(restoreBackup(empty(), newFile())).rejects.toMatchObject({ code: 'invalid' })
})

it('writes no backup that lacks a file', async () => {
  const config = empty()
  const planted = await plant(config)
  rmSync(blobPlace(join(config.data, 'blobs'), planted.sha256).file)
  const file = newFile()
  await expect(createBackup(config, file, { now: NOW })).rejects.toMatchObject({ code: 'blob-missing' })
  const name = file.slice(folder.path.length + 1)
  expect(readdirSync(folder.path).filter((entry) => entry.startsWith(name))).toEqual([])
})

it('overwrites nothing', async () => {
  const { config, file } = await backedUp()
  await expect(createBackup(config, file, { now: NOW })).rejects.toMatchObject({ code: 'conflict' })
})
