import { join } from 'node:path'
import { Kysely } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type TemporaryFolder, temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { sqliteDialect } from './dialects/sqlite.ts'
import { migrate } from './migrate.ts'
import { nodeSqliteDialect } from './node-sqlite-dialect.ts'
import { SqliteConnection } from './sqlite-connection.ts'
import { SqliteWriter } from './sqlite-writer.ts'

describe('SQLite writer', () => {
  let folder: TemporaryFolder
  let connection: SqliteConnection
  let commits: number
  let writer: SqliteWriter
  beforeEach(async () => {
    folder = await temporaryFolder()
    connection = new SqliteConnection({ file: join(folder.path, 'godwit.db'), access: 'write', busyTimeoutMs: 0 })
    await migrate(new Kysely({ dialect: nodeSqliteDialect(connection) }), sqliteDialect)
    commits = 0
    writer = new SqliteWriter(connection, () => {
      commits += 1
    })
  })
  afterEach(async () => {
    await writer.close()
    connection.close()
    await folder.remove()
  })

  const set = (name: string, value = 'x') => writer.transaction((stores) => stores.settings.set(name, value))
  const names = () => connection.all('select name from settings order by name', [])

  it('commits what waits at the same time together, in bounded groups', async () => {
    await Promise.all(Array.from({ length: 150 }, (_, index) => set(`${index}`)))
    expect(commits).toBe(3)
    await set('alone')
    expect(commits).toBe(4)
  })

  it('loses nothing but the work that a full disk stopped', async () => {
    await set('before')
    const [pages] = connection.all('pragma page_count', []) as Array<{ page_count: number }>
    connection.run(`pragma max_page_count = ${(pages?.page_count ?? 0) + 2}`, [])
    const outcomes = await Promise.allSettled([set('small'), set('large', 'x'.repeat(100_000)), set('after')])
    const rejected = outcomes.filter(({ status }) => status === 'rejected')
    expect(rejected.length).toBeGreaterThan(0)
    for (const outcome of rejected) expect(outcome).toMatchObject({ reason: { code: 'storage-full' } })
    // Whatever was acknowledged is there, and nothing else.
    const acknowledged = ['small', 'large', 'after'].filter((_, index) => outcomes[index]?.status === 'fulfilled')
    expect(names()).toEqual(['before', ...acknowledged].sort().map((name) => ({ name })))
    connection.run('pragma max_page_count = 1000000', [])
    await set('large', 'x'.repeat(100_000))
    expect(connection.isInTransaction).toBe(false)
  })

  it('rejects while another process holds the database, and works again afterwards', async () => {
    const other = new SqliteConnection({ file: join(folder.path, 'godwit.db'), access: 'write' })
    other.run('begin immediate', [])
    const outcomes = await Promise.allSettled([set('a'), set('b')])
    expect(outcomes).toMatchObject([{ reason: { code: 'storage-failed' } }, { reason: { code: 'storage-failed' } }])
    other.run('commit', [])
    other.close()
    await set('c')
    expect(names()).toEqual([{ name: 'c' }])
  })
})
