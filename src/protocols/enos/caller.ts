import type { IncomingHttpHeaders } from 'node:http'
import type { AccessKey } from '../../core/access/access-key.ts'
import type { OneTimeUse, TokenHolder } from '../../core/access/access-token-service.ts'
import type { Core } from '../../core/create-core.ts'
import type { EnosConfig } from './config.ts'
import { type CoreSdkAuth, isOpaqueHeader } from './core-sdk.ts'
import { isSha256Hex, sameDigest, signatureOf } from './digests.ts'
import { CODE, EnosFailure, invalidArgument } from './errors.ts'
import type { RawQuery } from './raw-query.ts'

export const HEADER = {
  accessToken: 'apim-accesstoken',
  timestamp: 'apim-timestamp',
  signature: 'apim-signature',
  proof: 'x-godwit-proof',
} as const

/** What authentication looks at. */
export interface IncomingCall {
  readonly headers: IncomingHttpHeaders
  readonly query: RawQuery
  /** The raw bytes that a signature covers: none for GET and multipart. */
  readonly body?: Uint8Array
  /** Who calls, for counting failures. */
  readonly address: () => string
}

/** A program that has proved itself. */
export interface Caller {
  readonly accessKey: AccessKey
  readonly parameters: ReadonlyMap<string, string>
  /** Makes the signature usable once; absent where nothing was signed. */
  readonly use?: OneTimeUse
}

export interface CallerAuth {
  /** Throws `EnosFailure`. Order of checks: presence, form, token, window, signature [enos 2.5]; replay is the caller's. */
  authenticate(call: IncomingCall): Promise<Caller>
  /** As `authenticate`, of a signed call whose token is in memory; undefined for any other. */
  recall(call: IncomingCall): Caller | undefined
}

const TIMESTAMP = /^\d{1,16}$/

/** [enos 2.3] signed calls, and [enos 2.7] the core SDK's opaque header where it is let in */
export function createCallerAuth(core: Core, config: EnosConfig, coreSdk: CoreSdkAuth): CallerAuth {
  const { clock } = core.deps
  const windowMs = config.windowSeconds * 1000

  async function authenticate(call: IncomingCall): Promise<Caller> {
    const token = headerOf(call, HEADER.accessToken)
    if (token !== undefined && isUnsigned(call) && isOpaqueHeader(token)) {
      const accessKey = await coreSdk.authenticate(headerOf(call, HEADER.proof), call.address())
      return { accessKey, parameters: unambiguous(call.query) }
    }
    const signed = readSigned(call)
    return prove(call, signed, await core.accessTokens.authenticate(signed.token))
  }

  function recall(call: IncomingCall): Caller | undefined {
    if (isUnsigned(call)) return undefined
    const signed = readSigned(call)
    const holder = core.accessTokens.recall(signed.token)
    return holder && prove(call, signed, holder)
  }

  /** Token, window, signature. */
  function prove(call: IncomingCall, signed: Signed, holder: TokenHolder | undefined): Caller {
    if (holder === undefined) throw new EnosFailure(CODE.tokenExpired, 'token unknown or expired')
    if (holder.accessKey.disabled) throw new EnosFailure(CODE.unknownKey, 'the credential is disabled')
    const { token, timestamp } = signed
    if (Math.abs(clock.now() - Number(timestamp)) > windowMs)
      throw new EnosFailure(CODE.malformed, 'the timestamp is out of the window')
    const parameters = unambiguous(call.query)
    const { accessKey, secret } = holder
    const given = signed.signature.toLowerCase()
    const wanted = signatureOf({
      accessToken: token,
      parameters,
      ...(call.body && { body: call.body }),
      timestamp,
      appSecret: secret,
    })
    if (!sameDigest(given, wanted)) throw new EnosFailure(CODE.wrongSignature, 'wrong signature')
    const expiresAt = Number(timestamp) + windowMs + 1
    return { accessKey, parameters, use: { purpose: 'enos/call', key: `${accessKey.serial}/${given}`, expiresAt } }
  }

  return { authenticate, recall }
}

interface Signed {
  readonly token: string
  readonly timestamp: string
  readonly signature: string
}

function isUnsigned(call: IncomingCall): boolean {
  return headerOf(call, HEADER.timestamp) === undefined && headerOf(call, HEADER.signature) === undefined
}

/** Presence and form of what a signed call has in its headers. */
function readSigned(call: IncomingCall): Signed {
  const token = headerOf(call, HEADER.accessToken)
  const timestamp = headerOf(call, HEADER.timestamp)
  const signature = headerOf(call, HEADER.signature)
  if (token === undefined || timestamp === undefined || signature === undefined)
    throw new EnosFailure(CODE.missing, `header ${missing({ token, timestamp })} is missing`)
  if (!TIMESTAMP.test(timestamp) || !isSha256Hex(signature))
    throw new EnosFailure(CODE.malformed, 'a header is malformed')
  return { token, timestamp, signature }
}

function headerOf(call: IncomingCall, name: string): string | undefined {
  const value = call.headers[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function missing(given: { token: string | undefined; timestamp: string | undefined }): string {
  if (given.token === undefined) return HEADER.accessToken
  return given.timestamp === undefined ? HEADER.timestamp : HEADER.signature
}

/** [enos 2.3] What is signed must be clear before it is compared. */
function unambiguous(query: RawQuery): ReadonlyMap<string, string> {
  switch (query.kind) {
    case 'query':
      return query.parameters
    case 'repeated':
      throw invalidArgument(query.name.slice(0, 60), `${query.name.slice(0, 60)} is given twice`)
    case 'malformed':
      throw invalidArgument('query', 'is malformed')
  }
}
