import { mkdirSync } from 'node:fs'
import { migrateDatabase } from '../../storage/sql/inspect-database.ts'
import type { Config } from '../config/settings.ts'
import { databaseTarget } from './database-target.ts'

/** Brings the configured database up to date, making an embedded one where there is none. Answers what ran. */
export function migrateConfigured(config: Config): Promise<string[]> {
  if (config.databaseUrl === undefined) mkdirSync(config.data, { recursive: true, mode: 0o700 })
  return migrateDatabase(databaseTarget(config))
}
