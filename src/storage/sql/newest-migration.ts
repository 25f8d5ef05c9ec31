import { sqliteDialect } from './dialects/sqlite.ts'
import { migrationsFor } from './migrations/migrations.ts'

/** The name of the newest migration that this Godwit knows; the same for every dialect. */
export const NEWEST_MIGRATION: string = Object.keys(migrationsFor(sqliteDialect)).at(-1) ?? ''
