import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from './settings.ts'

/** The embedded database's file. */
export function databaseFile(config: Pick<Config, 'data'>): string {
  return join(config.data, 'godwit.db')
}

/** The folder that holds `blobs/` and `tmp/`. */
export function blobFolder(config: Pick<Config, 'data' | 'blobs'>): string {
  if (config.blobs === undefined) return config.data
  return config.blobs.startsWith('file://') ? fileURLToPath(config.blobs) : config.blobs.slice('file:'.length)
}

/** The master key's file, unless the configuration gives the key itself. */
export function masterKeyFile(config: Pick<Config, 'data'>): string {
  return join(config.data, 'master.key')
}
