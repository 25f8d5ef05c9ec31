import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { OtaError } from '../../core/errors.ts'
import { databaseFile } from './places.ts'

const KEY_BYTES = 32

/**
 * The master key: as configured, else from `master.key` in the data directory, which is made (0600) on first start.
 * Throws `invalid` when it is missing beside a database, for which a new one would be wrong.
 */
export function loadMasterKey(config: { data: string; masterKey?: string | undefined }, random: () => Uint8Array) {
  if (config.masterKey !== undefined) return decodeMasterKey(config.masterKey, 'GODWIT_MASTER_KEY')
  const path = join(config.data, 'master.key')
  mkdirSync(config.data, { recursive: true, mode: 0o700 })
  if (!existsSync(path) && existsSync(databaseFile(config)))
    throw new OtaError('invalid', `${path} is missing; bring it back from where it is kept.`)
  try {
    const descriptor = openSync(path, 'wx', 0o600)
    try {
      writeSync(descriptor, `${Buffer.from(random()).toString('base64')}\n`)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
      throw new OtaError('storage-failed', `The master key cannot be written to ${path}.`, { cause: error })
  }
  return decodeMasterKey(readFileSync(path, 'utf8').trim(), path)
}

/** The 32 bytes of a key in base64. Throws `invalid`, naming `where` it stands. */
export function decodeMasterKey(text: string, where: string): Uint8Array {
  const key = Buffer.from(text, 'base64')
  if (key.length !== KEY_BYTES) throw new OtaError('invalid', `${where} must hold 32 bytes in base64.`)
  return key
}
