import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { OneTimeUse, RenewAnswer } from '../../core/access/access-token-service.ts'
import type { Core } from '../../core/create-core.ts'
import type { EnosConfig } from './config.ts'
import { encryptionOf, isSha256Hex, sameDigest } from './digests.ts'
import { sendTokenReply } from './envelope.ts'
import { CODE, EnosFailure } from './errors.ts'
import { type JsonObject, parseWithNumberSources, textOf } from './json.ts'
import { bodyText } from './request-bytes.ts'

export const TOKEN_PATH = '/apim-token-service/v2.0/token'

/** [enos 2.2] the token service */
export function routeTokens(scope: FastifyInstance, core: Core, config: EnosConfig): void {
  scope.post(`${TOKEN_PATH}/get`, async (request, reply) => {
    const { accessKey, use } = await applicant(core, config, { request, purpose: 'enos/token-get' })
    return sendAnswer(reply, core, await core.accessTokens.obtain(accessKey, use))
  })

  scope.post(`${TOKEN_PATH}/refresh`, async (request, reply) => {
    const { accessKey, use, body } = await applicant(core, config, { request, purpose: 'enos/token-refresh' })
    const token = requiredText(body, 'accessToken')
    return sendAnswer(reply, core, await core.accessTokens.renew(accessKey, token, use))
  })
}

/** Presence, form, key, window, digest [enos 2.5]; replay is claimed with the change. Throws `EnosFailure`. */
async function applicant(
  core: Core,
  config: EnosConfig,
  what: { readonly request: FastifyRequest; readonly purpose: string },
) {
  const body = parseWithNumberSources(bodyText(what.request))
  if (body === undefined) throw new EnosFailure(CODE.malformed, 'the body is not a JSON object')
  const appKey = requiredText(body, 'appKey')
  const encryption = requiredText(body, 'encryption').toLowerCase()
  // Quirk: the vendor's Java token client sends the timestamp as a string [enos 2.2]; pinned by row 13.
  const timestamp = requiredText(body, 'timestamp')
  if (what.purpose === 'enos/token-refresh') requiredText(body, 'accessToken')
  if (!/^\d{1,16}$/.test(timestamp)) throw new EnosFailure(CODE.malformed, 'timestamp is not 1 to 16 digits')
  if (!isSha256Hex(encryption)) throw new EnosFailure(CODE.malformed, 'encryption is no SHA-256')

  const accessKey = await core.accessKeys.findByKey(appKey)
  if (accessKey === undefined || accessKey.disabled) throw new EnosFailure(CODE.unknownKey, 'unknown appKey')
  const windowMs = config.windowSeconds * 1000
  if (Math.abs(core.deps.clock.now() - Number(timestamp)) > windowMs)
    throw new EnosFailure(CODE.malformed, 'the timestamp is out of the window')
  const wanted = encryptionOf(appKey, timestamp, core.accessTokens.secretOf(accessKey))
  if (!sameDigest(encryption, wanted)) throw new EnosFailure(CODE.wrongSignature, 'wrong encryption')
  // [enos 2.6] one memory per endpoint: the Java client calls get and refresh within one millisecond
  const expiresAt = Number(timestamp) + windowMs + 1
  const use: OneTimeUse = { purpose: what.purpose, key: `${accessKey.serial}/${encryption}`, expiresAt }
  return { accessKey, use, body }
}

function requiredText(body: JsonObject, field: string): string {
  const value = body[field]
  if (value === undefined || value === null || value === '')
    throw new EnosFailure(CODE.missing, `parameter ${field} is empty`)
  const text = textOf(value)
  if (text === undefined || (field !== 'timestamp' && typeof value !== 'string'))
    throw new EnosFailure(CODE.malformed, `parameter ${field} is malformed`)
  return text
}

function sendAnswer(reply: FastifyReply, core: Core, answer: RenewAnswer): FastifyReply {
  switch (answer.kind) {
    case 'token': {
      const expire = Math.floor((answer.expiresAt - core.deps.clock.now()) / 1000)
      return sendTokenReply(reply, { status: 0, msg: 'SUCCESS', data: { accessToken: answer.token, expire } })
    }
    case 'replayed':
      throw new EnosFailure(CODE.replayed, 'the same encryption was seen before')
    case 'expired':
      throw new EnosFailure(CODE.tokenExpired, 'token unknown or expired')
    case 'foreign':
      throw new EnosFailure(CODE.refreshFailed, 'refresh failed')
  }
}
