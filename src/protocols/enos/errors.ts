import { type ErrorCode, OtaError } from '../../core/errors.ts'

/** [enos 2.5] [enos 3.1] [enos 3.4] [enos 3.5] Numbers of the wire. */
export const CODE = {
  replayed: 1001,
  unknownKey: 1002,
  wrongSignature: 1003,
  malformed: 1004,
  tokenService: 1005,
  missing: 1202,
  tokenExpired: 1203,
  refreshFailed: 1204,
  firmwareNotFound: 24404,
  jobNotFound: 24404,
  serviceError: 24500,
  versionExists: 24601,
  nameExists: 24602,
  firmwareInUse: 24604,
  jobStarted: 24615,
  jobStopped: 24616,
  jobNotRunning: 24617,
  jobRunning: 24618,
  notCancellable: 24620,
  notRetriable: 24621,
  invalidArgument: 99400,
  denied: 99403,
  notFound: 99404,
  internal: 99500,
} as const

/** A refusal in the words of this protocol. `status` is HTTP's, 200 for everything but transport faults [enos 3.1]. */
export class EnosFailure extends Error {
  readonly code: number
  readonly status: number

  constructor(code: number, message: string, status = 200) {
    super(message)
    this.name = 'EnosFailure'
    this.code = code
    this.status = status
  }
}

/** `Invalid Argument <field>:<reason>` */
export function invalidArgument(field: string, reason: string): EnosFailure {
  return new EnosFailure(CODE.invalidArgument, `Invalid Argument ${field}:${reason}`)
}

/** [enos 3.1] also for a permission that is missing */
export function denied(orgId: string): EnosFailure {
  return new EnosFailure(CODE.denied, `Denied resource:  orgId ${orgId}`)
}

type Translation = (error: OtaError) => EnosFailure

const argument: Translation = (error) => {
  const { field, reason } = error.details
  return invalidArgument(
    typeof field === 'string' ? field : 'request',
    typeof reason === 'string' ? reason : error.message,
  )
}
const failure =
  (code: number, message: string, status?: number): Translation =>
  () =>
    new EnosFailure(code, message, status)

const ANSWERS = {
  invalid: argument,
  missing: argument,
  'not-found': ({ details }) =>
    details['entity'] === 'firmware'
      ? new EnosFailure(CODE.firmwareNotFound, 'Firmware not found')
      : new EnosFailure(CODE.notFound, `${String(details['entity'] ?? 'Object')} not found`),
  conflict: ({ details }) => conflictAnswer(String(details['field'])),
  'precondition-failed': failure(CODE.serviceError, 'OTA service internal error'),
  unauthenticated: failure(CODE.unknownKey, 'unknown appKey'),
  forbidden: failure(CODE.denied, 'Denied resource'),
  locked: failure(CODE.denied, 'Denied resource'),
  expired: failure(CODE.tokenExpired, 'token expired'),
  replayed: failure(CODE.replayed, 'the same signature was seen before'),
  'too-large': ({ message }) => new EnosFailure(CODE.invalidArgument, `Invalid Argument file:${message}`, 413),
  'too-slow': ({ message }) => new EnosFailure(CODE.invalidArgument, message),
  'too-many': failure(CODE.denied, 'Too many requests'),
  'limit-reached': ({ message }) => new EnosFailure(CODE.invalidArgument, message),
  'in-use': failure(CODE.firmwareInUse, 'Firmware cannot be deleted'),
  'wrong-state': argument,
  'confirmation-needed': argument,
  sealed: failure(CODE.firmwareInUse, 'Firmware cannot be deleted'),
  unsupported: argument,
  'blob-missing': failure(CODE.serviceError, 'OTA service internal error'),
  'blob-damaged': failure(CODE.serviceError, 'OTA service internal error'),
  'storage-failed': failure(CODE.serviceError, 'OTA service internal error'),
  'storage-full': failure(CODE.serviceError, 'OTA service has no space left'),
  // A transport fault: nothing is wrong with the call but its moment.
  unavailable: failure(CODE.internal, 'Service unavailable', 503),
  internal: failure(CODE.internal, 'Internal error'),
} satisfies Record<ErrorCode, Translation>

function conflictAnswer(field: string): EnosFailure {
  if (field === 'version') return new EnosFailure(CODE.versionExists, 'Firmware version already exists')
  if (field === 'name') return new EnosFailure(CODE.nameExists, 'Firmware name already exists')
  return invalidArgument(field, 'is taken')
}

/** Errors that say that the server is at fault; they are logged. */
const FAULTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'blob-missing',
  'blob-damaged',
  'storage-failed',
  'storage-full',
  'internal',
])

export interface Answered {
  readonly failure: EnosFailure
  readonly isFault: boolean
}

/** What any error looks like on this wire. Nothing of an unexpected one is told. */
export function answerTo(error: unknown): Answered {
  if (error instanceof EnosFailure) return { failure: error, isFault: false }
  if (error instanceof OtaError) return { failure: ANSWERS[error.code](error), isFault: FAULTS.has(error.code) }
  const status = statusOf(error)
  if (status === 413) {
    return { failure: new EnosFailure(CODE.invalidArgument, 'Invalid Argument body:too large', 413), isFault: false }
  }
  // Other 4xx of the framework: a body or content type that cannot be read.
  if (status !== undefined && status < 500) return { failure: invalidArgument('request', 'malformed'), isFault: false }
  return { failure: new EnosFailure(CODE.internal, 'Internal error'), isFault: true }
}

function statusOf(error: unknown): number | undefined {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' ? status : undefined
}
