import { z } from 'zod'
import { DEFAULT_CORE_LIMITS } from '../../core/limits.ts'
import { DEFAULT_HTTP_LIMITS } from '../../protocols/http/limits.ts'
import { DEFAULT_S3_LIMITS } from '../../storage/blob/s3/s3-settings.ts'

/** One setting: where it can be given, what it is when it is not, and whether it must be masked when shown. */
export interface Setting {
  readonly name: keyof BasicSettings
  readonly env: string
  readonly flag?: string
  readonly secret?: boolean
  readonly meaning: string
}

/** The settings that have an environment variable; everything else is in `godwit.yaml` alone. */
export interface BasicSettings {
  readonly data: string
  readonly host: string
  readonly port: number
  readonly publicUrl?: string | undefined
  readonly trustedProxies: readonly string[]
  readonly tlsCert?: string | undefined
  readonly tlsKey?: string | undefined
  readonly databaseUrl?: string | undefined
  readonly blobs?: string | undefined
  readonly blobsFallback?: string | undefined
  readonly s3AccessKeyId?: string | undefined
  readonly s3SecretAccessKey?: string | undefined
  readonly accelPrefix?: string | undefined
  readonly masterKey?: string | undefined
  readonly ownerEmail: string
  readonly ownerPassword?: string | undefined
  readonly log: string
  readonly workers: number
}

export const SETTINGS: readonly Setting[] = [
  { name: 'data', env: 'GODWIT_DATA', flag: 'data', meaning: 'data directory: embedded database, blobs, master key' },
  { name: 'host', env: 'GODWIT_HOST', flag: 'host', meaning: 'address to listen on' },
  { name: 'port', env: 'GODWIT_PORT', flag: 'port', meaning: 'port to listen on; 0 picks a free one' },
  { name: 'publicUrl', env: 'GODWIT_PUBLIC_URL', flag: 'public-url', meaning: 'base of every link handed out' },
  {
    name: 'trustedProxies',
    env: 'GODWIT_TRUSTED_PROXIES',
    flag: 'trusted-proxies',
    meaning: 'comma list of addresses and networks whose forwarded headers count',
  },
  { name: 'tlsCert', env: 'GODWIT_TLS_CERT', flag: 'tls-cert', meaning: 'PEM file of the certificate chain' },
  { name: 'tlsKey', env: 'GODWIT_TLS_KEY', flag: 'tls-key', meaning: 'PEM file of its key' },
  {
    name: 'databaseUrl',
    env: 'GODWIT_DATABASE_URL',
    flag: 'database-url',
    secret: true,
    meaning: 'postgres://… for PostgreSQL; unset: SQLite in the data directory',
  },
  {
    name: 'blobs',
    env: 'GODWIT_BLOBS',
    flag: 'blobs',
    meaning: 'where firmware bytes live: file:… or s3://bucket/prefix?endpoint=…&region=…; unset: the data directory',
  },
  {
    name: 'blobsFallback',
    env: 'GODWIT_BLOBS_FALLBACK',
    flag: 'blobs-fallback',
    meaning:
      'a second store that is read where the first lacks a file, while files move; `file:` is the data directory',
  },
  {
    name: 's3AccessKeyId',
    env: 'GODWIT_S3_ACCESS_KEY_ID',
    meaning: "access key for S3; unset: the AWS SDK's usual chain (AWS_ACCESS_KEY_ID, profile, role)",
  },
  { name: 's3SecretAccessKey', env: 'GODWIT_S3_SECRET_ACCESS_KEY', secret: true, meaning: 'its secret' },
  {
    name: 'accelPrefix',
    env: 'GODWIT_ACCEL_PREFIX',
    flag: 'accel-prefix',
    meaning:
      "path of nginx's internal location over the blob folder, with slashes at both ends; unset: Godwit sends all bytes",
  },
  {
    name: 'masterKey',
    env: 'GODWIT_MASTER_KEY',
    secret: true,
    meaning: '32 bytes, base64; unset: master.key in the data directory',
  },
  { name: 'ownerEmail', env: 'GODWIT_OWNER_EMAIL', meaning: 'first account, made when there is none' },
  {
    name: 'ownerPassword',
    env: 'GODWIT_OWNER_PASSWORD',
    secret: true,
    meaning: 'its password; unset: random, printed once',
  },
  {
    name: 'workers',
    env: 'GODWIT_WORKERS',
    flag: 'workers',
    meaning: 'processes that share the listener; more than 1 needs PostgreSQL',
  },
  { name: 'log', env: 'GODWIT_LOG', flag: 'log', meaning: 'trace, debug, info, warn, error or silent' },
]

const text = z.string().min(1)
const location = z.string().regex(/^(file:|s3:\/\/)/, 'must begin with file: or s3://')

const limitsOf = (defaults: object) =>
  z.strictObject(Object.fromEntries(Object.keys(defaults).map((name) => [name, z.number().nonnegative().optional()])))

const count = z.number().int().min(1).exactOptional()

const s3Block = z.strictObject({
  ...(Object.fromEntries(Object.keys(DEFAULT_S3_LIMITS).map((name) => [name, count])) as Record<
    keyof typeof DEFAULT_S3_LIMITS,
    typeof count
  >),
  // What S3 itself sets.
  partBytes: z
    .number()
    .int()
    .min(5 * 2 ** 20)
    .max(2 ** 30)
    .exactOptional(),
  redirectSeconds: z.number().int().min(1).max(604_800).exactOptional(),
  redirect: z.boolean().optional(),
  redirectEndpoint: z.url({ protocol: /^https?$/ }).optional(),
})

/** Shape of `godwit.yaml` and of the merged configuration. */
export const configSchema = z.strictObject({
  data: text,
  host: text,
  port: z.coerce.number().int().min(0).max(65_535),
  publicUrl: z.url({ protocol: /^https?$/ }).optional(),
  trustedProxies: z
    .union([z.array(text), z.string().transform((list) => list.split(',').filter((entry) => entry.trim() !== ''))])
    .transform((list) => list.map((entry) => entry.trim())),
  tlsCert: text.optional(),
  tlsKey: text.optional(),
  databaseUrl: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must begin with postgres://')
    .optional(),
  blobs: location.optional(),
  blobsFallback: location.optional(),
  s3AccessKeyId: text.optional(),
  s3SecretAccessKey: text.optional(),
  s3: s3Block.optional(),
  accelPrefix: z
    .string()
    .regex(/^\/(?:[A-Za-z0-9._-]+\/)+$/, 'must be a path like /godwit-blobs/')
    .optional(),
  masterKey: text.optional(),
  ownerEmail: text,
  ownerPassword: text.optional(),
  log: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
  workers: z.coerce.number().int().min(1).max(256),
  limits: limitsOf(DEFAULT_CORE_LIMITS).optional(),
  http: limitsOf(DEFAULT_HTTP_LIMITS).optional(),
  webhooks: z.strictObject({ allowPrivate: z.boolean().optional() }).optional(),
  database: z
    .strictObject({
      poolSize: z.number().int().min(1).max(1000).optional(),
      changePollMs: z.number().int().min(20).max(60_000).optional(),
      changeTrustMs: z.number().int().min(100).max(60_000).optional(),
    })
    .optional(),
  iotaap: z.record(z.string(), z.unknown()).optional(),
  spokeZone: z.record(z.string(), z.unknown()).optional(),
  enos: z.record(z.string(), z.unknown()).optional(),
  native: z.record(z.string(), z.unknown()).optional(),
})

export type Config = z.output<typeof configSchema>

export const DEFAULTS = {
  data: './godwit-data',
  host: '127.0.0.1',
  port: 8080,
  trustedProxies: ['loopback'],
  ownerEmail: 'owner@localhost',
  log: 'info',
  workers: 1,
} as const
