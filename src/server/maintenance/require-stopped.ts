import { existsSync } from 'node:fs'
import { OtaError } from '../../core/errors.ts'
import { isInUse } from '../../storage/sql/inspect-database.ts'
import { databaseFile } from '../config/places.ts'
import type { Config } from '../config/settings.ts'

/** Throws `unavailable` while a server has the embedded database open. Of PostgreSQL nobody can tell. */
export function requireStopped(config: Pick<Config, 'data' | 'databaseUrl'>): void {
  const file = databaseFile(config)
  if (config.databaseUrl !== undefined || !existsSync(file) || !isInUse(file)) return
  throw new OtaError('unavailable', `A server has ${file} open; stop it first.`)
}
