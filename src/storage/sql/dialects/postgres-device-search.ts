import { sql } from 'kysely'
import type { MigrationDb } from './dialect.ts'

/**
 * `like` finds its trigrams by itself once there is the index. The extension comes with PostgreSQL's contrib package,
 * and a role that may not create it goes on without. Part of an immutable migration.
 */
export async function createDeviceSearch(db: MigrationDb): Promise<void> {
  await sql`do $$ begin
    create extension if not exists pg_trgm;
    create index devices_search on devices using gin (key_folded gin_trgm_ops, name_folded gin_trgm_ops);
  exception when insufficient_privilege or feature_not_supported or undefined_file or undefined_object then
    raise notice 'pg_trgm is not to be had: searches for devices read all of them';
  end $$`.execute(db)
}

/** What an administrator runs once the extension is to be had. */
export const DEVICE_SEARCH_REMEDY =
  'create extension pg_trgm; create index concurrently devices_search on devices using gin (key_folded gin_trgm_ops, name_folded gin_trgm_ops)'

export async function hasDeviceSearch(db: MigrationDb): Promise<boolean> {
  const found = await sql`select 1 from pg_indexes
    where schemaname = current_schema() and indexname = 'devices_search'`.execute(db)
  return found.rows.length > 0
}
