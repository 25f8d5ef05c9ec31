import { z } from 'zod'
import { isKey } from '../../core/common.ts'
import { OtaError } from '../../core/errors.ts'
import type { CoreLimits } from '../../core/limits.ts'
import { type Fault, faultsError } from './errors.ts'

/** Members that a device sends and this server does not know are ignored, so that newer devices can talk to it. */

const version = z.string().regex(/^[\x21-\x7e]{1,64}$/, 'must be 1 to 64 printable ASCII characters without space')
const moduleKey = z.string().refine(isKey, 'is no module key')
const running = atMost(z.record(moduleKey, version), 32)
const sha256 = z.string().regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hex digits')

function atMost<T extends z.ZodType<object>>(schema: T, most: number): T {
  return schema.refine((value) => Object.keys(value).length <= most, `at most ${most} entries`)
}

/** `POST /device/v1/check` [native 3] */
export type CheckBody = z.output<ReturnType<typeof checkSchema>>

export function checkSchema(limits: Pick<CoreLimits, 'labels' | 'labelChars'>) {
  const attribute = z.string().regex(/^[A-Za-z0-9_/.-]{1,50}$/, 'must be 1 to 50 of A-Z a-z 0-9 _ / . -')
  return z.object({
    running: running.optional(),
    boot: z.boolean().optional(),
    baseHash: sha256.optional(),
    attributes: atMost(z.record(attribute, z.string().max(limits.labelChars)), limits.labels).optional(),
    capabilities: z.array(z.string().max(32)).max(32).optional(),
    battery: z.number().min(0).max(100).optional(),
    metered: z.boolean().optional(),
  })
}

/** `GET /device/v1/wait` [native 6] */
export const waitSchema = z.object({
  timeout: z.coerce.number().min(0).optional(),
  battery: z.coerce.number().min(0).max(100).optional(),
  metered: z.enum(['true', 'false']).optional(),
})

export const REPORTED_STATES = [
  'downloading',
  'downloaded',
  'installing',
  'succeeded',
  'failed',
  'rolled-back',
  'cancelled',
] as const

export type ReportedState = (typeof REPORTED_STATES)[number]

/** Longest part of a reason that is kept, characters. */
const REASON_CHARS = 500

/** One report [native 5]; a bad one is ignored by itself, so that it cannot hold up a device's queue. */
export const reportSchema = z.object({
  id: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 . _ -'),
  update: z.string().max(64),
  state: z.enum(REPORTED_STATES),
  progress: z.number().min(0).max(100).optional(),
  reason: z
    .string()
    .transform((text) => text.replaceAll(/\p{Cc}/gu, ' ').slice(0, REASON_CHARS))
    .optional(),
  at: z.number().int().min(0).max(253_402_300_799).optional(),
  running: running.optional(),
})

export type Report = z.output<typeof reportSchema>

export function reportsSchema(most: number) {
  return z.object({ reports: z.array(z.unknown()).min(1).max(most) })
}

/** `POST /device/v1/enrol` [native 8] */
export const enrolSchema = z.object({
  key: z.string().min(1).max(200),
  secret: z.string().min(1).max(200),
  device: z.string().refine(isKey, 'must be 1 to 64 of A-Z a-z 0-9 . _ - and begin with a letter or digit'),
  product: z.string().refine(isKey, 'is no product key').optional(),
  token: z.string().regex(/^[\x21-\x7e]{32,200}$/, 'must be 32 to 200 printable ASCII characters without space'),
})

/** The parsed value, or one error that names every fault. An absent body is an empty object. */
export function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value ?? {})
  if (parsed.success) return parsed.data
  throw faultsError(parsed.error.issues.map(faultOf))
}

/** One sentence about why a value does not fit. */
export function reasonOf(error: z.ZodError): string {
  const [issue] = error.issues
  return issue === undefined ? 'is invalid' : `${faultOf(issue).pointer || 'report'}: ${issue.message}`
}

function faultOf({ path, message }: z.core.$ZodIssue): Fault {
  return {
    pointer: path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
    detail: message,
  }
}

/** Reported attributes join those known before; together they stay within the limit. */
export function requireRoom(known: object, reported: object | undefined, limits: Pick<CoreLimits, 'labels'>): void {
  if (reported === undefined || Object.keys({ ...known, ...reported }).length <= limits.labels) return
  const message = `/attributes: with those reported before, more than ${limits.labels}`
  throw new OtaError('invalid', message, { details: { faults: [{ pointer: '/attributes', detail: 'too many' }] } })
}
