import type { Serial } from '../../core/common.ts'
import type { Claims } from '../../core/ports.ts'

/** Two families with a key each: a user's token can never pass for a device's, nor the other way round. */
export const DEVICE_TOKENS = 'spoke-zone/device'
export const USER_TOKENS = 'spoke-zone/user'

/** The scheme of a device's credential row: `details` {cpuId, uuid}, no secret, a generation. */
export const SCHEME = 'spoke-zone'

/** What a verified token says. `expiresAt` in epoch milliseconds. */
export type AccessClaims = DeviceClaims | UserClaims

export interface DeviceClaims {
  readonly kind: 'device'
  readonly device: Serial
  readonly organisation: Serial
  readonly generation: number
  readonly expiresAt: number
}

export interface UserClaims {
  readonly kind: 'user'
  readonly account: Serial
  readonly organisation: Serial
  readonly generation: number
  readonly expiresAt: number
}

interface TokenFacts {
  readonly jti: string
  readonly organisation: Serial
  readonly generation: number
}

/** Claims of a device token besides `iat` and `exp`; `prefix` is where the device publishes over MQTT. [spoke-zone 2] */
export function deviceTokenClaims(device: Serial, facts: TokenFacts): Claims {
  return {
    kind: 'device',
    device_id: device,
    org_id: facts.organisation,
    prefix: `mrs/d/${device}`,
    jti: facts.jti,
    generation: facts.generation,
  }
}

export function userTokenClaims(account: Serial, facts: TokenFacts): Claims {
  return {
    kind: 'user',
    user_id: account,
    org_id: facts.organisation,
    jti: facts.jti,
    generation: facts.generation,
  }
}

type SignedClaims = Claims & { readonly exp: number }

/** undefined for a token of the right signature and a content that this server never signs. */
export function parseDeviceClaims(claims: SignedClaims): DeviceClaims | undefined {
  const { kind, device_id: device, org_id: organisation, generation, exp } = claims
  if (kind !== 'device' || !isNumber(device) || !isNumber(organisation) || !isNumber(generation)) return undefined
  return { kind, device, organisation, generation, expiresAt: exp * 1000 }
}

export function parseUserClaims(claims: SignedClaims): UserClaims | undefined {
  const { kind, user_id: account, org_id: organisation, generation, exp } = claims
  if (kind !== 'user' || !isNumber(account) || !isNumber(organisation) || !isNumber(generation)) return undefined
  return { kind, account, organisation, generation, expiresAt: exp * 1000 }
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}
