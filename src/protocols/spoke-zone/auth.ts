import type { IncomingHttpHeaders } from 'node:http'
import type { Core } from '../../core/create-core.ts'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import { OtaError } from '../../core/errors.ts'
import type { Organisation } from '../../core/organisation/organisation.ts'
import type { TokenVerdict } from '../../core/ports.ts'
import {
  type AccessClaims,
  DEVICE_TOKENS,
  type DeviceClaims,
  parseDeviceClaims,
  parseUserClaims,
  SCHEME,
  USER_TOKENS,
  type UserClaims,
} from './access-token.ts'
import { unauthenticated } from './errors.ts'
import { VerifiedTokens } from './verified-tokens.ts'

/** Who calls: a device, or a person of an organisation. */
export type Caller =
  | { readonly kind: 'device'; readonly facts: DeviceFacts }
  | { readonly kind: 'user'; readonly organisation: Organisation }

/** All that is looked at of a request. */
export interface Asking {
  readonly headers: IncomingHttpHeaders
}

export interface Auth {
  /** Throws `unauthenticated` or, for a disabled device, `forbidden`. */
  caller(request: Asking): Promise<Caller>
  /**
   * The device that calls, where that is known without a question to the database; undefined: ask `caller`. Whoever
   * answers it then notes that it was seen.
   */
  recall(request: Asking): DeviceFacts | undefined
  /** As `caller`, for calls that only devices make; throws `forbidden` for users. */
  device(request: Asking): Promise<DeviceFacts>
}

/** Tokens in `x-access-token`; nothing else is looked at. [spoke-zone 2] */
export function createAuth(core: Core, options: { readonly verifiedTokens: number }): Auth {
  const { clock, tokens, storage } = core.deps
  const verified = new VerifiedTokens(options.verifiedTokens)

  async function caller(request: Asking): Promise<Caller> {
    const token = request.headers['x-access-token']
    if (typeof token !== 'string' || token === '') throw unauthenticated('missing')
    return admit(verified.get(token, clock.now()) ?? (await verify(token)))
  }

  function recall(request: Asking): DeviceFacts | undefined {
    const token = request.headers['x-access-token']
    const claims = typeof token === 'string' ? verified.get(token, clock.now()) : undefined
    if (claims?.kind !== 'device') return undefined
    const facts = core.gateway.recall({ by: 'serial', serial: claims.device })
    const isGood = facts && isCurrent(facts, claims, clock.now()) && facts.device.status !== 'disabled'
    return isGood ? facts : undefined
  }

  function admit(claims: AccessClaims): Promise<Caller> {
    return claims.kind === 'device' ? deviceCaller(claims) : userCaller(claims)
  }

  async function verify(token: string): Promise<AccessClaims> {
    const claims =
      accepted(await tokens.verify(DEVICE_TOKENS, token), parseDeviceClaims) ??
      accepted(await tokens.verify(USER_TOKENS, token), parseUserClaims)
    if (!claims) throw unauthenticated('invalid')
    verified.keep(token, claims)
    return claims
  }

  async function deviceCaller(claims: DeviceClaims): Promise<Caller> {
    const facts = await core.gateway.find({ by: 'serial', serial: claims.device })
    if (!facts || !isCurrent(facts, claims, clock.now())) throw unauthenticated('revoked')
    if (facts.device.status === 'disabled') throw disabled()
    core.gateway.seen(claims.device)
    return { kind: 'device', facts }
  }

  async function userCaller(claims: UserClaims): Promise<Caller> {
    const [account, memberships, organisation] = await Promise.all([
      storage.read.accounts.find(claims.account),
      storage.read.memberships.listByAccount(claims.account),
      storage.read.organisations.find(claims.organisation),
    ])
    const isMember = memberships.some((membership) => membership.organisation === claims.organisation)
    if (!isMember || !organisation || account?.generation !== claims.generation) throw unauthenticated('revoked')
    return { kind: 'user', organisation }
  }

  async function device(request: Asking): Promise<DeviceFacts> {
    const who = await caller(request)
    if (who.kind === 'user') throw new OtaError('forbidden', 'Only devices may do this.')
    return who.facts
  }

  return { caller, recall, device }
}

/** The claims of a good token; undefined when its signature or content is another family's. Throws for the rest. */
function accepted<C>(verdict: TokenVerdict, parse: (claims: Verified) => C | undefined): C | undefined {
  switch (verdict.kind) {
    case 'valid':
      return parse(verdict.claims)
    case 'invalid':
      return undefined
    case 'expired':
    case 'malformed':
      throw unauthenticated(verdict.kind)
  }
}

type Verified = (TokenVerdict & { kind: 'valid' })['claims']

/** Whether a signed token still stands: raising a credential's generation refuses every token that was issued before. */
export function isCurrent(facts: DeviceFacts, claims: DeviceClaims, now: number): boolean {
  if (facts.device.organisation !== claims.organisation) return false
  for (const credential of facts.credentials) {
    if (credential.scheme !== SCHEME || credential.generation !== claims.generation) continue
    if (credential.expiresAt === null || now < credential.expiresAt) return true
  }
  return false
}

export function disabled(): OtaError {
  return new OtaError('forbidden', 'The device is disabled.')
}
