import { existsSync, readFileSync, statSync } from 'node:fs'
import { DEVICE_SEARCH_REMEDY } from '../../storage/sql/dialects/postgres-device-search.ts'
import { type DatabaseFacts, inspectDatabase, isInUse } from '../../storage/sql/inspect-database.ts'
import { decodeMasterKey } from '../config/master-key.ts'
import { databaseFile, masterKeyFile } from '../config/places.ts'
import type { Config } from '../config/settings.ts'
import { sealedSecrets } from '../runtime/sealed-secrets.ts'
import { databaseTarget } from './database-target.ts'
import type { DoctorSources, Finding } from './finding.ts'

/** The oldest Node.js that has everything we use. */
const LEAST_NODE = [24, 7] as const

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number)
  const isEnough = major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1])
  const detail = isEnough ? version : `${version} is too old; Godwit needs ${LEAST_NODE.join('.')} or newer`
  return { check: 'Node.js', verdict: isEnough ? 'ok' : 'fail', detail }
}

function isAbsent(config: Config): boolean {
  return config.databaseUrl === undefined && !existsSync(databaseFile(config))
}

/** What other checks compare with; a database that does not answer is told once, by its own check. */
async function factsOf(config: Config): Promise<DatabaseFacts | undefined> {
  if (isAbsent(config)) return undefined
  return inspectDatabase(databaseTarget(config)).catch(() => undefined)
}

export async function checkDatabase(config: Config): Promise<Finding> {
  const check = 'database'
  const kind = config.databaseUrl === undefined ? 'SQLite' : 'PostgreSQL'
  if (isAbsent(config)) return { check, verdict: 'warn', detail: 'there is none yet; the first start makes it' }
  const { pending, unknown, hasDeviceSearch } = await inspectDatabase(databaseTarget(config))
  if (pending.length > 0) {
    const verdict = kind === 'SQLite' ? 'warn' : 'fail'
    const remedy = kind === 'SQLite' ? 'the next start runs them' : 'run "godwit migrate"'
    return { check, verdict, detail: `${kind} answers, migrations pending: ${pending.join(', ')}; ${remedy}` }
  }
  if (unknown.length > 0) {
    const detail = `${kind} answers, and has migrations of a newer Godwit: ${unknown.join(', ')}; this one can work with them`
    return { check, verdict: 'warn', detail }
  }
  if (!hasDeviceSearch)
    return {
      check,
      verdict: 'warn',
      detail: `${kind} answers and is up to date, but searches read all devices; run in it: ${DEVICE_SEARCH_REMEDY}`,
    }
  const user = kind === 'SQLite' && isInUse(databaseFile(config)) ? '; a server has it open' : ''
  return { check, verdict: 'ok', detail: `${kind} answers and is up to date${user}` }
}

export async function checkMasterKeyFile(config: Config): Promise<Finding> {
  const check = 'master key'
  const file = masterKeyFile(config)
  if (config.masterKey === undefined && !existsSync(file)) {
    if (isAbsent(config)) return { check, verdict: 'warn', detail: 'there is none yet; the first start makes it' }
    return { check, verdict: 'fail', detail: `${file} is missing; bring it back from where it is kept` }
  }
  const secrets = sealedSecrets(keyOf(config, file))
  const facts = await factsOf(config)
  if (facts?.masterKeyCheck !== undefined && !opens(secrets, facts.masterKeyCheck)) {
    const remedy = existsSync(`${file}.new`)
      ? ' An interrupted rotation left master.key.new: run "godwit key rotate".'
      : ''
    return { check, verdict: 'fail', detail: `it is not the one under which the database is sealed.${remedy}` }
  }
  if (config.masterKey === undefined && (statSync(file).mode & 0o077) !== 0)
    return { check, verdict: 'warn', detail: `${file} is open to others: chmod 0600 ${file}` }
  const where = config.masterKey === undefined ? file : 'GODWIT_MASTER_KEY'
  return { check, verdict: 'ok', detail: facts ? `${where} is the database's` : `${where} is well-formed` }
}

function keyOf(config: Config, file: string): Uint8Array {
  return config.masterKey === undefined
    ? decodeMasterKey(readFileSync(file, 'utf8').trim(), file)
    : decodeMasterKey(config.masterKey, 'GODWIT_MASTER_KEY')
}

function opens(secrets: ReturnType<typeof sealedSecrets>, sealed: string): boolean {
  try {
    secrets.open(sealed, 'master-key-check')
    return true
  } catch {
    return false
  }
}

/** No clock that is right says less. */
const RELEASED = Date.UTC(2025, 0, 1)
/** What two machines' clocks may differ. */
const SLACK_MS = 60_000

export async function checkClock(config: Config, { now }: DoctorSources): Promise<Finding> {
  const check = 'clock'
  const shown = new Date(now).toISOString()
  if (now < RELEASED)
    return { check, verdict: 'fail', detail: `it says ${shown}, which cannot be; tokens would never end` }
  const newest = (await factsOf(config))?.newestEventAt
  if (newest !== undefined && newest > now + SLACK_MS)
    return {
      check,
      verdict: 'fail',
      detail: `it says ${shown}, but the newest event is of ${new Date(newest).toISOString()}; it runs behind`,
    }
  return { check, verdict: 'ok', detail: shown }
}
