import { isOtaError, OtaError } from '../../../core/errors.ts'

/** What the SDK and the sockets under it throw. */
interface Failure {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number }
}

/** What to do, by what the server or the network said. */
const ADVICE: Readonly<Record<string, string>> = {
  NoSuchBucket: 'the bucket does not exist: make it, or correct GODWIT_BLOBS',
  AccessDenied:
    'the key may not do this: it needs GetObject, PutObject, DeleteObject, AbortMultipartUpload and ListBucket',
  Forbidden:
    'the key may not do this: it needs GetObject, PutObject, DeleteObject, AbortMultipartUpload and ListBucket',
  InvalidAccessKeyId: 'the access key is unknown there: correct AWS_ACCESS_KEY_ID or the profile',
  SignatureDoesNotMatch: 'the secret is wrong: correct AWS_SECRET_ACCESS_KEY or the profile',
  CredentialsProviderError: 'no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role',
  ExpiredToken: 'the credentials have run out: renew them',
  RequestTimeTooSkewed: "this machine's clock is wrong: set it",
  PermanentRedirect: 'the bucket lies in another region: correct region in GODWIT_BLOBS',
  AuthorizationHeaderMalformed: 'the bucket lies in another region: correct region in GODWIT_BLOBS',
  SlowDown: 'the store asks for fewer calls; it is tried again at the next request',
  ServiceUnavailable: 'the store is overloaded or down',
  InternalError: 'the store is at fault',
  ENOTFOUND: 'the name of the endpoint is unknown: correct it in GODWIT_BLOBS, or the DNS',
  ECONNREFUSED: 'nobody listens at the endpoint: start the store, or correct GODWIT_BLOBS',
  // Answers to HEAD have no body that could say more.
  '403': 'the credentials do not allow this: check them, and their permissions',
  '500': 'the store is at fault',
  '502': 'the store is overloaded or down',
  '503': 'the store is overloaded or down',
  TimeoutError: 'the store did not answer in time',
  AbortError: 'the store did not answer in time',
}

/** Translates what S3 refused into `storage-failed` with what to do; an `OtaError` stays as it is. Never a secret. */
export function s3Failed(doing: string, error: unknown): OtaError {
  if (isOtaError(error)) return error
  const { name, code, status, attempts } = factsOf(error)
  const what = isNamed(name) ? [name, status ?? []].flat() : [`HTTP ${status}`]
  const said = [...what, ...(attempts > 1 ? [`${attempts} attempts`] : [])]
  const advice = ADVICE[code] ?? ADVICE[name] ?? ADVICE[String(status)]
  return new OtaError(
    'storage-failed',
    `Blob store: ${doing} in S3 failed (${said.join(', ')})${advice === undefined ? '' : `; ${advice}`}`,
    { cause: error, details: { code: name, ...(status !== undefined && { status }) } },
  )
}

/** Whether S3 says that there is no such object (or upload). */
export function isAbsent(error: unknown): boolean {
  const { name, status } = factsOf(error)
  return name !== 'NoSuchBucket' && (status === 404 || name === 'NoSuchKey' || name === 'NotFound')
}

/** Whether the server does not do this at all, as small S3 servers say of what they lack. */
export function isUnsupported(error: unknown): boolean {
  const { name, status } = factsOf(error)
  return name === 'NotImplemented' || status === 405 || status === 501
}

/** The SDK has no name for what came without a body. */
function isNamed(name: string): boolean {
  return !/^(Unknown|UnknownError|\d+)$/.test(name)
}

function factsOf(error: unknown): { name: string; code: string; status: number | undefined; attempts: number } {
  if (!(error instanceof Error)) return { name: String(error), code: '', status: undefined, attempts: 1 }
  const { name, code = '', $metadata } = error as Failure
  const plain = name === 'Error' || name === 'AggregateError' ? code || name : name
  return { name: plain, code, status: $metadata?.httpStatusCode, attempts: $metadata?.attempts ?? 1 }
}
