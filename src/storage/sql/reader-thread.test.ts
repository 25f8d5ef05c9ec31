import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type TemporaryFolder, temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { ReaderThread } from './reader-thread.ts'
import { SqliteConnection } from './sqlite-connection.ts'

const LONG = `with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000000)
  select count(*) as count from n`

describe('reader thread', () => {
  let folder: TemporaryFolder
  let thread: ReaderThread
  const file = () => join(folder.path, 'godwit.db')
  const writeOne = () => {
    const connection = new SqliteConnection({ file: file(), access: 'write' })
    connection.run('create table things (name text, is_big boolean)', [])
    connection.run('insert into things values (?, ?)', ['one', true])
    return connection
  }
  beforeEach(async () => {
    folder = await temporaryFolder()
    thread = new ReaderThread(file())
  })
  afterEach(async () => {
    await thread.close()
    await folder.remove()
  })

  it('answers with rows, and sees each commit', async () => {
    const connection = writeOne()
    expect(await thread.all('select * from things', [])).toEqual([{ name: 'one', is_big: 1 }])
    connection.run('insert into things values (?, ?)', ['two', false])
    expect(await thread.first('select name from things where is_big = ?', [false])).toEqual({ name: 'two' })
    expect(await thread.first('select name from things where name = ?', ['three'])).toBeUndefined()
    connection.close()
  })

  it('leaves the event loop alone during a long query', async () => {
    writeOne().close()
    let turns = 0
    let isDone = false
    const counting = thread.first(LONG, []).finally(() => {
      isDone = true
    })
    while (!isDone) {
      turns += 1
      await new Promise((resume) => setImmediate(resume))
    }
    expect(await counting).toEqual({ count: 2_000_000 })
    expect(turns).toBeGreaterThan(100)
  })

  it('reports what the database refuses, and goes on', async () => {
    writeOne().close()
    await expect(thread.all('select nonsense from things', [])).rejects.toMatchObject({
      message: expect.stringContaining('nonsense'),
      errcode: 1,
    })
    await expect(thread.all("delete from things where name = 'one'", [])).rejects.toMatchObject({ errcode: 8 })
    expect(await thread.all('select name from things', [])).toEqual([{ name: 'one' }])
  })

  it('rejects what was asked when it dies, and starts anew with the next question', async () => {
    // Without the file the thread cannot even start.
    const lost = await Promise.allSettled([thread.all('select 1', []), thread.first('select 2', [])])
    expect(lost).toMatchObject([{ reason: { code: 'storage-failed' } }, { reason: { code: 'storage-failed' } }])
    writeOne().close()
    expect(await thread.all('select name from things', [])).toEqual([{ name: 'one' }])
  })

  it('rejects what is under way when it closes, and everything later', async () => {
    writeOne().close()
    const asked = thread.first(LONG, [])
    const closed = thread.close()
    await expect(asked).rejects.toMatchObject({ code: 'storage-failed' })
    await closed
    await expect(thread.all('select 1', [])).rejects.toMatchObject({ code: 'storage-failed' })
  })
})
