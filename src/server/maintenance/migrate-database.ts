import { mkdirSync } from 'node:fs'
import { migrateDatabase } from '../../storage/sql/inspect-database.ts'
import type { Config } from '../config/settings.ts'
import { databaseTarget } from './database-target.ts'
import { requireStopped } from './require-stopped.ts'

/** Brings the configured database up to date, making an embedded one where there is none. Answers what ran. */
export async function migrateConfigured(config: Config): Promise<string[]> {
  requireStopped(config)
  if (config.databaseUrl === undefined) mkdirSync(config.data, { recursive: true, mode: 0o700 })
  return migrateDatabase(databaseTarget(config))
}
