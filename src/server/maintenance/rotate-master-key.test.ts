import { randomBytes } from 'node:crypto'
import { copyFileSync, existsSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, describe, expect, it } from 'vitest'
import { configFor, type Planted, plant, withCore } from '../../../test/support/installation.ts'
import { sharedPostgres } from '../../../test/support/postgres.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { SEALED_COLUMNS } from '../../storage/sql/reseal.ts'
import type { Config } from '../config/settings.ts'
import { migrateConfigured } from './migrate-database.ts'
import { rotateMasterKey } from './rotate-master-key.ts'

const NOW = Date.UTC(2026, 10, 1, 12)
const OPTIONS = { newKey: undefined, now: NOW }
const newKey = () => randomBytes(32).toString('base64')
const postgres = await sharedPostgres()
const folder = await temporaryFolder()
afterAll(() => folder.remove())
let count = 0
const empty = () => configFor(join(folder.path, `data-${count++}`))

/** Everything that was sealed opens, and is what it was. */
async function expectOpens(config: Config, planted: Planted): Promise<void> {
  await withCore(config, async (core) => {
    const [credential] = await core.deps.storage.read.credentials.listByDevice(planted.device, 'iotaap')
    expect(credential && core.credentials.reveal(credential)).toBe(planted.iotaapToken)
    const accessKey = await core.accessKeys.findByKey(planted.accessKey)
    expect(accessKey && core.accessKeys.secretOf(accessKey)).toBe(planted.accessSecret)
    const current = accessKey && (await core.deps.storage.read.accessTokens.current(accessKey.serial))
    expect(core.deps.secrets.open(current?.sealed ?? '', 'access-token')).toBe(planted.accessToken)
  })
}

describe('key rotation of the embedded database', () => {
  it('seals everything anew under a new key and keeps the old one', async () => {
    const config = empty()
    const planted = await plant(config)
    const before = readFileSync(join(config.data, 'master.key'), 'utf8')
    const result = await rotateMasterKey(config, OPTIONS)
    expect(result).toEqual({ values: 4, oldKey: join(config.data, 'master.key.20261101T120000Z') })
    expect(readFileSync(join(config.data, 'master.key'), 'utf8')).not.toBe(before)
    expect(readFileSync(result.oldKey ?? '', 'utf8')).toBe(before)
    expect(statSync(join(config.data, 'master.key')).mode & 0o777).toBe(0o600)
    expect(existsSync(join(config.data, 'master.key.new'))).toBe(false)
    await expectOpens(config, planted)
  })

  it('refuses the old key afterwards', async () => {
    const config = empty()
    await plant(config)
    const { oldKey = '' } = await rotateMasterKey(config, OPTIONS)
    renameSync(oldKey, join(config.data, 'master.key'))
    await expect(withCore(config, async () => undefined)).rejects.toThrow(/master key/)
  })

  it('is finished by the next one when it was cut off after the database changed', async () => {
    const config = empty()
    const planted = await plant(config)
    const key = join(config.data, 'master.key')
    const { oldKey = '' } = await rotateMasterKey(config, OPTIONS)
    copyFileSync(key, `${key}.new`)
    renameSync(oldKey, key)
    await expect(withCore(config, async () => undefined)).rejects.toThrow(/master key/)
    expect(await rotateMasterKey(config, { ...OPTIONS, now: NOW + 1000 })).toMatchObject({ values: 0 })
    await expectOpens(config, planted)
  })

  it('is undone by the next one when it was cut off before', async () => {
    const config = empty()
    const planted = await plant(config)
    copyFileSync(join(config.data, 'master.key'), join(config.data, 'other'))
    const other = empty()
    await plant(other)
    copyFileSync(join(other.data, 'master.key'), join(config.data, 'master.key.new'))
    expect(await rotateMasterKey(config, OPTIONS)).toMatchObject({ values: 4 })
    await expectOpens(config, planted)
  })

  it('changes nothing when a value cannot be opened', async () => {
    const config = empty()
    const planted = await plant(config)
    const database = new DatabaseSync(join(config.data, 'godwit.db'))
    database.exec("update access_keys set sealed_secret = 'v1.broken'")
    database.close()
    const before = readFileSync(join(config.data, 'master.key'), 'utf8')
    await expect(rotateMasterKey(config, OPTIONS)).rejects.toMatchObject({ code: 'internal' })
    expect(readFileSync(join(config.data, 'master.key'), 'utf8')).toBe(before)
    await withCore(config, async (core) => {
      const [credential] = await core.deps.storage.read.credentials.listByDevice(planted.device, 'iotaap')
      expect(credential && core.credentials.reveal(credential)).toBe(planted.iotaapToken)
    })
  })

  it('waits for nobody: a server that has the database open is in the way', async () => {
    const config = empty()
    await plant(config)
    await withCore(config, () =>
      expect(rotateMasterKey(config, OPTIONS)).rejects.toMatchObject({ code: 'unavailable' }),
    )
  })

  it('takes the new key from the operator where the operator keeps the key', async () => {
    const data = join(folder.path, `data-${count++}`)
    const [from, to] = [newKey(), newKey()]
    const config = configFor(data, { GODWIT_MASTER_KEY: from })
    const planted = await plant(config)
    await expect(rotateMasterKey(config, OPTIONS)).rejects.toMatchObject({ code: 'missing' })
    expect(await rotateMasterKey(config, { newKey: to, now: NOW })).toEqual({ values: 4 })
    expect(readdirSync(data).filter((name) => name.startsWith('master.key'))).toEqual([])
    await expectOpens(configFor(data, { GODWIT_MASTER_KEY: to }), planted)
  })

  it('knows every column that holds something sealed', async () => {
    const config = empty()
    await plant(config)
    const database = new DatabaseSync(join(config.data, 'godwit.db'), { readOnly: true })
    const columns = database
      .prepare(
        `select m.name || '.' || c.name as name from sqlite_schema m, pragma_table_info(m.name) c
         where m.type = 'table' and c.name like '%sealed%' and lower(c.type) = 'text'`,
      )
      .all()
      .map((row) => row['name'])
    database.close()
    expect(columns).toHaveLength(5)
    expect(SEALED_COLUMNS).toEqual(expect.arrayContaining(columns))
  })
})

describe.skipIf(postgres.kind === 'none')('key rotation on PostgreSQL', () => {
  it('migrates, then seals everything anew under the key that was given', async () => {
    if (postgres.kind === 'none') return
    const data = join(folder.path, `data-${count++}`)
    const [from, to] = [newKey(), newKey()]
    const env = { GODWIT_DATABASE_URL: await postgres.createDatabase() }
    const config = configFor(data, { ...env, GODWIT_MASTER_KEY: from })
    expect((await migrateConfigured(config))[0]).toBe('0001-initial')
    expect(await migrateConfigured(config)).toEqual([])
    const planted = await plant(config)
    expect(await rotateMasterKey(config, { newKey: to, now: NOW })).toEqual({ values: 4 })
    await expect(withCore(config, async () => undefined)).rejects.toThrow(/master key/)
    await expectOpens(configFor(data, { ...env, GODWIT_MASTER_KEY: to }), planted)
  })
})
