import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadConfig } from '../../src/server/config/load-config.ts'
import { migrateConfigured } from '../../src/server/maintenance/migrate-database.ts'
import { openCore } from '../../src/server/start-server.ts'
import { makeBaseFleet } from './base-fleet.ts'
import { cloneFleet } from './clone-fleet.ts'
import { type CloneTarget, postgresTarget, sqliteTarget } from './clone-target.ts'
import { type FleetFacts, MASTER_KEY } from './fleet.ts'

/** Makes a fleet in a data folder, its database in SQLite there or at a PostgreSQL URL. */
export async function seedFleet(data: string, devices: number, databaseUrl?: string): Promise<FleetFacts> {
  mkdirSync(data, { recursive: true, mode: 0o700 })
  const flags = { data, ...(databaseUrl !== undefined && { databaseUrl }) }
  const config = loadConfig({ cwd: data, env: { GODWIT_MASTER_KEY: MASTER_KEY }, flags })
  if (databaseUrl !== undefined) await migrateConfigured(config)
  const { core, storage } = await openCore(config)
  const { facts, templates } = await makeBaseFleet(core, devices).finally(() => storage.close())
  const target: CloneTarget =
    databaseUrl === undefined ? sqliteTarget(join(data, 'godwit.db')) : await postgresTarget(databaseUrl)
  const firstSerial = await cloneFleet(target, templates, facts)
  await target.finish()
  const fleet = { ...facts, firstSerial }
  writeFileSync(join(data, 'fleet.json'), JSON.stringify(fleet))
  return fleet
}
