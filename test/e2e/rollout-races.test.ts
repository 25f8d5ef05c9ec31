import { afterAll, beforeAll, describe, it } from 'vitest'
import { LIMITS, TwoServers } from '../races/two-servers.ts'
import { sharedPostgres } from '../support/postgres.ts'

const REPETITIONS = 3

const postgres = await sharedPostgres()

describe.skipIf(postgres.kind === 'none')('64 devices at once on two servers over one PostgreSQL', () => {
  let servers: TwoServers
  beforeAll(async () => {
    if (postgres.kind === 'none') throw new Error(postgres.skip)
    servers = await TwoServers.start(await postgres.createDatabase())
  })
  afterAll(() => servers.stop())

  it.each(Object.entries(LIMITS))(`%s: exactly 10 are granted, ${REPETITIONS} times`, async (_, limits) => {
    for (let repetition = 0; repetition < REPETITIONS; repetition += 1) await servers.repeat(limits)
  })
})
