import { credentialsOf, type DeviceFacts } from '../../core/device/device-facts.ts'
import { notFound } from '../../core/errors.ts'
import type { ProtocolHost } from '../http/protocol.ts'
import { DEVICE_TOKENS, deviceTokenClaims, SCHEME } from './access-token.ts'

/** Life of a device token, seconds: 7 days. [spoke-zone 2] */
export const DEVICE_TOKEN_SECONDS = 604_800

/**
 * Signs a token for a device that holds a Spoke.Zone credential. Older tokens stay good; raising the credential's
 * generation or disabling the device refuses them all. Throws `not-found` without a credential.
 */
export async function issueDeviceToken(host: Pick<ProtocolHost, 'core'>, facts: DeviceFacts): Promise<string> {
  const { clock, ids, tokens } = host.core.deps
  const { device } = facts
  const credential = credentialsOf(facts, SCHEME, clock.now()).at(-1)
  if (!credential) throw notFound('spoke-zone credential', device.key)
  const claims = deviceTokenClaims(device.serial, {
    jti: ids.uuid(),
    organisation: device.organisation,
    generation: credential.generation,
  })
  return tokens.sign(DEVICE_TOKENS, claims, DEVICE_TOKEN_SECONDS)
}
