import { randomBytes } from 'node:crypto'
import { constants, copyFileSync, existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { OtaError } from '../../core/errors.ts'
import type { Secrets } from '../../core/ports.ts'
import { syncDirectory } from '../../storage/blob/durable.ts'
import { type ExclusiveDatabase, openExclusively } from '../../storage/sql/open-exclusively.ts'
import { resealAll } from '../../storage/sql/reseal.ts'
import { decodeMasterKey, loadMasterKey } from '../config/master-key.ts'
import { databaseFile, masterKeyFile } from '../config/places.ts'
import type { Config } from '../config/settings.ts'
import { sealedSecrets } from '../runtime/sealed-secrets.ts'
import { databaseTarget } from './database-target.ts'
import { requireStopped } from './require-stopped.ts'
import { writeSecretFile } from './write-secret-file.ts'

export interface RotationOptions {
  /** The key to change to, base64; needed where the key is configured and not in the data directory. */
  readonly newKey: string | undefined
  readonly now: number
}

export interface RotationResult {
  /** Sealed values that were written anew; 0 when an earlier rotation was only brought to its end. */
  readonly values: number
  /** Where the old key lies; undefined when the operator keeps the keys. */
  readonly oldKey?: string
}

/**
 * Seals every secret under a new master key, in one transaction; the server must be stopped. Signed tokens of devices
 * and programs end. A rotation that was cut off is either undone or finished by the next one: the new key lies beside
 * the old one before the database changes.
 */
export async function rotateMasterKey(config: Config, options: RotationOptions): Promise<RotationResult> {
  if (config.databaseUrl === undefined && !existsSync(databaseFile(config)))
    throw new OtaError('not-found', `There is no database in ${config.data}.`)
  requireStopped(config)
  const database = await openExclusively(databaseTarget(config))
  try {
    return config.masterKey === undefined
      ? await rotateFile(config, database, options)
      : await rotateConfigured(config, database, options)
  } finally {
    await database.close()
  }
}

async function rotateConfigured(
  config: Config,
  database: ExclusiveDatabase,
  { newKey }: RotationOptions,
): Promise<RotationResult> {
  if (newKey === undefined || newKey === '')
    throw new OtaError(
      'missing',
      'The master key comes from GODWIT_MASTER_KEY, so the new one must be given too: GODWIT_NEW_MASTER_KEY (32 bytes, base64; make one with "openssl rand -base64 32").',
    )
  const from = sealedSecrets(loadMasterKey(config, () => randomBytes(32)))
  const to = sealedSecrets(decodeMasterKey(newKey, 'GODWIT_NEW_MASTER_KEY'))
  return { values: await reseal(database, from, to) }
}

async function rotateFile(
  config: Config,
  database: ExclusiveDatabase,
  { newKey, now }: RotationOptions,
): Promise<RotationResult> {
  const file = masterKeyFile(config)
  if (!existsSync(file)) throw new OtaError('not-found', `There is no master key at ${file}.`)
  const next = `${file}.new`
  const old = `${file}.${new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '')}`
  const isHalfDone = existsSync(next) && (await opens(database, keyIn(next)))
  let values = 0
  if (!isHalfDone) {
    rmSync(next, { force: true })
    const key = newKey === undefined ? randomBytes(32) : decodeMasterKey(newKey, 'GODWIT_NEW_MASTER_KEY')
    writeSecretFile(next, `${Buffer.from(key).toString('base64')}\n`)
    await syncDirectory(config.data)
    values = await reseal(database, keyIn(file), keyIn(next))
  }
  // At no moment is there no master.key: a server that starts without one makes one.
  copyFileSync(file, old, constants.COPYFILE_EXCL)
  await syncDirectory(config.data)
  renameSync(next, file)
  await syncDirectory(config.data)
  return { values, oldKey: old }
}

function keyIn(path: string): Secrets {
  return sealedSecrets(decodeMasterKey(readFileSync(path, 'utf8').trim(), path))
}

function reseal(database: ExclusiveDatabase, from: Secrets, to: Secrets): Promise<number> {
  return database.transaction((session) =>
    resealAll(session, (sealed, context) => to.seal(from.open(sealed, context), context)),
  )
}

/** Whether the database is sealed under this key. */
function opens(database: ExclusiveDatabase, secrets: Secrets): Promise<boolean> {
  return database.transaction(async (session) => {
    const query = session.compiler.selectFrom('settings').select('value').where('name', '=', 'master-key-check')
    const row = await session.first(query.compile())
    if (row === undefined) return false
    try {
      secrets.open(row.value, 'master-key-check')
      return true
    } catch {
      return false
    }
  })
}
