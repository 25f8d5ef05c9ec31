import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PostgresServer, sharedPostgres, startPostgres } from './postgres.ts'

const shared = await sharedPostgres()

describe.skipIf(shared.kind === 'none')('PostgreSQL for tests', () => {
  let own: PostgresServer
  beforeAll(async () => {
    const started = await startPostgres()
    if (started.kind === 'none') throw new Error(started.skip)
    own = started
  })
  afterAll(() => own.stop())

  it('gives every caller an empty database of one server', async () => {
    if (shared.kind === 'none') throw new Error(shared.skip)
    const [a, b] = [await shared.createDatabase(), await shared.createDatabase()]
    expect(a).not.toBe(b)
    expect(new URL(a).host).toBe(new URL(b).host)
    await query(a, 'create table only_here (x int)')
    expect(await query(b, "select to_regclass('only_here') as found")).toEqual([{ found: null }])
    expect(await query(a, 'show fsync')).toEqual([{ fsync: 'on' }])
  })

  it('keeps what was committed over a restart, on the same port', async () => {
    const url = await own.createDatabase()
    await query(url, 'create table kept as select 1 as x')
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    await client.connect()
    await own.restart()
    await expect(client.query('select 1')).rejects.toThrow()
    expect(await query(url, 'select x from kept')).toEqual([{ x: 1 }])
  })
})

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}
