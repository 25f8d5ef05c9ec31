import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from './settings.ts'

/** The embedded database's file. */
export function databaseFile(config: Pick<Config, 'data'>): string {
  return join(config.data, 'godwit.db')
}

/** The folder of a store of blobs, with `blobs/` and `tmp/` in it; undefined when the location is in S3. */
export function folderOf(config: Pick<Config, 'data'>, location: string | undefined): string | undefined {
  if (location === undefined || location === 'file:') return config.data
  if (location.startsWith('s3:')) return undefined
  return location.startsWith('file://') ? fileURLToPath(location) : location.slice('file:'.length)
}

/** The master key's file, unless the configuration gives the key itself. */
export function masterKeyFile(config: Pick<Config, 'data'>): string {
  return join(config.data, 'master.key')
}
