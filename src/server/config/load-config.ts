import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parse } from 'yaml'
import { OtaError } from '../../core/errors.ts'
import '../../protocols/http/plain-issues.ts'
import { parseTrustedProxies } from '../../protocols/http/trusted-proxies.ts'
import { parseS3Url } from '../../storage/blob/s3/s3-url.ts'
import { DEFAULT_DATABASE_LIMITS } from '../../storage/sql/database-limits.ts'
import { type Config, configSchema, DEFAULTS, SETTINGS } from './settings.ts'

export interface ConfigSources {
  /** By setting name, as given on the command line. */
  readonly flags?: Readonly<Record<string, string | undefined>>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where relative paths begin. */
  readonly cwd: string
}

/**
 * Flag, then environment, then `godwit.yaml` in the data directory, then the default. Throws `invalid` with a sentence
 * that names the setting and where it came from.
 */
export function loadConfig(sources: ConfigSources): Config {
  const { flags = {}, env, cwd } = sources
  const given: Record<string, unknown> = {}
  const origin: Record<string, string> = {}
  for (const setting of SETTINGS) {
    const fromFlag = setting.flag === undefined ? undefined : flags[setting.name]
    const value = fromFlag ?? (env[setting.env] || undefined)
    if (value === undefined) continue
    given[setting.name] = value
    origin[setting.name] = fromFlag === undefined ? setting.env : `--${setting.flag}`
  }
  const data = resolve(cwd, String(given['data'] ?? DEFAULTS.data))
  const file = readFile(resolve(data, 'godwit.yaml'))
  const merged = { ...DEFAULTS, ...file, ...given, data }
  const parsed = configSchema.safeParse(merged)
  if (parsed.success) return finish(parsed.data, cwd)
  const issue = parsed.error.issues[0]
  const name = String(issue?.path[0] ?? '')
  const where = origin[name] ?? (file && name in file ? 'godwit.yaml' : 'the configuration')
  const unknown = issue?.code === 'unrecognized_keys' ? `unknown key ${issue.keys.join(', ')}` : undefined
  // A flag or variable names the setting by itself.
  const place = name in origin ? [where] : [where, issue?.path.join('.') || 'godwit.yaml']
  throw new OtaError('invalid', [...place, unknown ?? issue?.message].join(': '), { details: { field: name } })
}

function readFile(path: string): Record<string, unknown> | undefined {
  if (!existsSync(path)) return undefined
  try {
    return parse(readFileSync(path, 'utf8')) ?? undefined
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0]?.replace(/:$/, '') : ''
    throw new OtaError('invalid', `${path} is not YAML: ${reason}`, { cause })
  }
}

function finish(config: Config, cwd: string): Config {
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined))
    throw new OtaError('invalid', 'TLS needs both a certificate (GODWIT_TLS_CERT) and its key (GODWIT_TLS_KEY).')
  if (config.databaseUrl !== undefined && config.masterKey === undefined)
    throw new OtaError(
      'invalid',
      'With PostgreSQL the master key must be given as GODWIT_MASTER_KEY (32 bytes, base64).',
    )
  const { changePollMs = DEFAULT_DATABASE_LIMITS.changePollMs, changeTrustMs = DEFAULT_DATABASE_LIMITS.changeTrustMs } =
    config.database ?? {}
  if (changeTrustMs < 2 * changePollMs)
    throw new OtaError(
      'invalid',
      'godwit.yaml: database.changeTrustMs must be at least twice database.changePollMs, or no memory is ever believed.',
    )
  if (config.workers > 1 && config.databaseUrl === undefined)
    throw new OtaError('invalid', 'Several workers need PostgreSQL (GODWIT_DATABASE_URL): SQLite has one writer.')
  if (config.accelPrefix !== undefined && (config.blobs?.startsWith('s3:') || config.blobsFallback !== undefined))
    throw new OtaError('invalid', 'GODWIT_ACCEL_PREFIX needs firmware bytes on a disk that nginx can read, not in S3.')
  parseTrustedProxies(config.trustedProxies)
  checkBlobs(config)
  const path = (value: string | undefined) => (value === undefined ? undefined : resolve(cwd, value))
  return { ...config, tlsCert: path(config.tlsCert), tlsKey: path(config.tlsKey) }
}

function checkBlobs({ blobs = 'file:', blobsFallback, s3AccessKeyId, s3SecretAccessKey }: Config): void {
  if (blobs.startsWith('s3:')) parseS3Url(blobs, 'blobs')
  if (blobsFallback?.startsWith('s3:')) parseS3Url(blobsFallback, 'blobsFallback')
  if (blobs === blobsFallback)
    throw new OtaError('invalid', 'blobsFallback: is the same store as blobs; it must be the other one, or unset')
  if ((s3AccessKeyId === undefined) !== (s3SecretAccessKey === undefined))
    throw new OtaError('invalid', 'S3 needs both GODWIT_S3_ACCESS_KEY_ID and GODWIT_S3_SECRET_ACCESS_KEY, or neither.')
}

/** The effective values with secrets masked, for `godwit config`. */
export function maskedConfig(config: Config): Record<string, unknown> {
  const secrets = new Set<string>(SETTINGS.filter((setting) => setting.secret).map((setting) => setting.name))
  return Object.fromEntries(
    Object.entries(config).map(([name, value]) => [name, secrets.has(name) && value !== undefined ? '***' : value]),
  )
}
