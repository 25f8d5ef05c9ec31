import type { FastifyInstance } from 'fastify'
import type { Core } from '../../core/create-core.ts'
import { credentialsOf, type DeviceFacts } from '../../core/device/device-facts.ts'
import { OtaError } from '../../core/errors.ts'
import { CallThrottle } from '../http/call-throttle.ts'
import { equalSecrets } from '../http/constant-time.ts'
import type { ProtocolHost } from '../http/protocol.ts'
import { DEVICE_TOKENS, type DeviceClaims, parseDeviceClaims, SCHEME } from './access-token.ts'
import { disabled, isCurrent } from './auth.ts'
import type { SpokeZoneConfig } from './config.ts'
import { issueDeviceToken } from './device-token.ts'
import { fieldErrors, invalidField } from './errors.ts'
import { type DeviceLogin, parseDeviceLogin } from './schema.ts'

/** `POST /loginDevice`: a token that lapses soon, or lapsed long ago, for a new one. [spoke-zone 2] */
export function routeDeviceLogin(scope: FastifyInstance, host: ProtocolHost, config: SpokeZoneConfig): void {
  const { core } = host
  const { clock } = core.deps
  const throttle = new CallThrottle({ callsPerMinute: config.loginDevicePerMinute, capacity: config.throttledDevices })

  scope.post('/loginDevice', async (request, reply) => {
    const login = parseDeviceLogin(request.body)
    const claims = await verifyOwn(core, login.token)
    const facts = await core.gateway.find({ by: 'serial', serial: claims.device })
    // A token that is refused elsewhere for good must not pass here, or its client would be stuck.
    if (!facts || !isCurrent(facts, claims, clock.now())) throw wrongToken('is revoked.')
    const retryAfterSeconds = throttle.take(claims.device, clock.now())
    if (retryAfterSeconds > 0)
      throw new OtaError('too-many', 'Too many logins of this device.', { details: { retryAfterSeconds } })
    if (facts.device.status === 'disabled') throw disabled()
    checkIdentity(facts, login, clock.now())

    core.gateway.seen(claims.device)
    reply.header('cache-control', 'no-store')
    if (claims.expiresAt - clock.now() > config.renewalSeconds * 1000)
      return reply.send({ status: 'ok', message: 'Token is still valid' })
    // Older tokens stay good: the SDK sends its first one for ever.
    return reply.code(201).send({ token: await issueDeviceToken(host, facts) })
  })
}

/** The claims of a device token that this server signed, expired or not. A bad token is reported alone. */
async function verifyOwn(core: Core, token: string): Promise<DeviceClaims> {
  const verdict = await core.deps.tokens.verify(DEVICE_TOKENS, token)
  switch (verdict.kind) {
    case 'valid':
    case 'expired': {
      const claims = parseDeviceClaims(verdict.claims)
      if (!claims) throw wrongToken('is invalid.')
      return claims
    }
    case 'malformed':
      throw wrongToken('is malformed.')
    case 'invalid':
      throw wrongToken('is invalid.')
  }
}

/** Throws an entry for each value that is not the device's. */
function checkIdentity(facts: DeviceFacts, login: DeviceLogin, now: number): void {
  const known = credentialsOf(facts, SCHEME, now).map((credential) => credential.details)
  const isOurs = (name: 'cpuId' | 'uuid') => known.some((details) => equalSecrets(details[name] ?? '', login[name]))
  const faults = []
  if (login.cpuId === '' || !isOurs('cpuId')) faults.push(invalidField('cpu_id', "cpu_id is not this device's."))
  if (login.uuid === '' || !isOurs('uuid')) faults.push(invalidField('uuid', "uuid is not this device's."))
  if (faults.length > 0) throw fieldErrors(faults)
}

function wrongToken(reason: string): OtaError {
  return fieldErrors([invalidField('token', `token ${reason}`)])
}
