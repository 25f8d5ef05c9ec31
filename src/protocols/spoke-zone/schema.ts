import { type FieldFault, fieldErrors, invalidField, missingField, notJson } from './errors.ts'

/** Kinds of files that devices send. [spoke-zone 3.G] */
export const DATA_FILE_TYPES = ['log', 'event', 'gps', 'debug', 'journal', 'dmesg', 'txt'] as const

export interface DeviceLogin {
  readonly token: string
  readonly cpuId: string
  readonly uuid: string
}

/** Throws one error for all fields that are missing or no text. [spoke-zone 2] */
export function parseDeviceLogin(body: unknown): DeviceLogin {
  const fields = objectOf(body)
  const faults = ['token', 'cpu_id', 'uuid'].flatMap((field) => textFault(fields, field))
  if (faults.length > 0) throw fieldErrors(faults)
  return { token: String(fields['token']), cpuId: String(fields['cpu_id']), uuid: String(fields['uuid']) }
}

export interface UserLogin {
  readonly username: string
  readonly password: string
}

/** undefined when a field is missing or no text: the same answer as for wrong ones. [spoke-zone 2] */
export function parseUserLogin(body: unknown): UserLogin | undefined {
  const { username, password } = objectOf(body)
  return typeof username === 'string' && typeof password === 'string' ? { username, password } : undefined
}

export interface DataFileRequest {
  readonly type: string
  readonly moduleKey?: string
  /** Which of its two names the client used. */
  readonly moduleField: 'moduleKey' | 'module'
}

/** Quirk: the SDK before 0.5.2 sends `module` in place of `moduleKey`. */
export function parseDataFileRequest(body: unknown): DataFileRequest {
  const fields = objectOf(body)
  const { type } = fields
  const moduleField = isGiven(fields['moduleKey']) ? 'moduleKey' : 'module'
  const moduleKey = fields[moduleField]
  const faults = [...textFault(fields, 'type')]
  if (typeof type === 'string' && !DATA_FILE_TYPES.some((known) => known === type))
    faults.push(invalidField('type', `type must be one of ${DATA_FILE_TYPES.join(', ')}.`))
  if (isGiven(moduleKey) && typeof moduleKey !== 'string')
    faults.push(invalidField(moduleField, `${moduleField} must be text.`))
  if (faults.length > 0) throw fieldErrors(faults)
  return { type: String(type), moduleField, ...(typeof moduleKey === 'string' && { moduleKey }) }
}

function textFault(fields: Readonly<Record<string, unknown>>, field: string): FieldFault[] {
  const value = fields[field]
  if (!isGiven(value)) return [missingField(field)]
  return typeof value === 'string' ? [] : [invalidField(field, `${field} must be text.`)]
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

/** An absent body has no fields; anything but an object is refused. */
function objectOf(body: unknown): Readonly<Record<string, unknown>> {
  if (body === undefined) return {}
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw notJson()
  return { ...body }
}
