import type { ExclusiveTarget } from '../../storage/sql/open-exclusively.ts'
import { databaseFile } from '../config/places.ts'
import type { Config } from '../config/settings.ts'

/** The database that the configuration chooses. */
export function databaseTarget(config: Pick<Config, 'data' | 'databaseUrl'>): ExclusiveTarget {
  return config.databaseUrl === undefined
    ? { kind: 'sqlite', file: databaseFile(config) }
    : { kind: 'postgres', url: config.databaseUrl }
}
