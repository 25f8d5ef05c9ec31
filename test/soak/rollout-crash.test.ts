import { expect, it } from 'vitest'
import { openSqlStorage } from '../../src/storage/sql/open-storage.ts'
import { rolloutCrashRun } from '../crash/rollout-crash-run.ts'
import { sharedPostgres, startPostgres } from '../support/postgres.ts'

const WHOLE = { devices: 10_000, kills: 20, atOnce: 200 } as const
const postgres = await sharedPostgres()

it('kill -9 at 20 moments of a rollout of 10,000 devices: nothing acknowledged is lost, nobody is granted twice', async () => {
  const figures = await rolloutCrashRun(WHOLE)
  console.info(figures)
  expect(figures.acknowledged).toBeGreaterThan(4 * WHOLE.devices)
})

it.skipIf(postgres.kind === 'none')('and the same on PostgreSQL', async () => {
  if (postgres.kind === 'none') return
  const databaseUrl = await postgres.createDatabase()
  await (await openSqlStorage({ kind: 'postgres', url: databaseUrl, migrate: true })).close()
  const figures = await rolloutCrashRun({ ...WHOLE, databaseUrl })
  console.info(figures)
  expect(figures.acknowledged).toBeGreaterThan(4 * WHOLE.devices)
})

it.skipIf(postgres.kind === 'none')('and with two servers that die at the same moment', async () => {
  if (postgres.kind === 'none') return
  const databaseUrl = await postgres.createDatabase()
  await (await openSqlStorage({ kind: 'postgres', url: databaseUrl, migrate: true })).close()
  const figures = await rolloutCrashRun({ ...WHOLE, databaseUrl, servers: 2 })
  console.info(figures)
  expect(figures.acknowledged).toBeGreaterThan(4 * WHOLE.devices)
})

it.skipIf(postgres.kind === 'none')('and with two servers whose PostgreSQL is killed with -9 20 times', async () => {
  const own = await startPostgres()
  if (own.kind === 'none') return
  try {
    const databaseUrl = await own.createDatabase()
    await (await openSqlStorage({ kind: 'postgres', url: databaseUrl, migrate: true })).close()
    const figures = await rolloutCrashRun({ ...WHOLE, databaseUrl, servers: 2, breakDatabase: own.crash })
    console.info(figures)
    expect(figures.refused).toBeGreaterThan(0)
    expect(figures.acknowledged).toBeGreaterThan(4 * WHOLE.devices)
  } finally {
    await own.stop()
  }
})
