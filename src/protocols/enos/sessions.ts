import { BoundedMap } from '../../core/bounded-map.ts'
import type { Millis, Serial } from '../../core/common.ts'
import type { Core } from '../../core/create-core.ts'
import type { Credential } from '../../core/device/device.ts'
import { credentialsOf, type DeviceFacts } from '../../core/device/device-facts.ts'
import type { EnosConfig } from './config.ts'
import { deviceSignOf, sameDigest } from './digests.ts'
import { type JsonObject, textOf } from './json.ts'
import { deviceKeyOf, ENOS, productKeyOf, SLOT } from './names.ts'

const FAMILY = 'enos/session'
/** [enos 6] A session outlives the client's own idea of it, since the client does not react to a refusal. */
const GRACE_SECONDS = 60
/** The longest session, ms; a longer lifetime is signed over as it came. */
const LONGEST_MS = 366 * 86_400_000
const NONCE_CHARS = 12

/** What a session's token says. */
interface SessionClaims {
  readonly device: Serial
  readonly credential: Serial
  readonly generation: number
  /** Tells the sessions of a device apart. */
  readonly nonce: string
}

interface Verified extends SessionClaims {
  readonly expiresAt: Millis
}

export interface Address {
  readonly productKey: string
  readonly deviceKey: string
}

/** A device in one of its sessions. */
export interface Session {
  readonly facts: DeviceFacts
  /** Names this session and no other. */
  readonly key: string
}

export interface Sessions {
  /** A session for a device that proves its secret [enos 6]; undefined for any other. */
  open(address: Address, body: JsonObject): Promise<string | undefined>
  /** The session while it lives and the credential that opened it stands, at its own device's address only. */
  find(address: Address, sessionId: string | undefined): Promise<Session | undefined>
}

/** Sessions are signed tokens: nothing is stored, and an older one stays good beside a newer [enos 6]. */
export function createSessions(core: Core, config: Pick<EnosConfig, 'verifiedSessions'>): Sessions {
  const { clock, ids, tokens } = core.deps
  /** Tokens whose signature was found good, so that a publish costs none; whether the credential stands is asked each time. */
  const verified = new BoundedMap<string, Verified>(config.verifiedSessions)

  async function open(address: Address, body: JsonObject): Promise<string | undefined> {
    const lifetime = textOf(body['lifetime'])
    const sign = body['sign']
    if (body['signMethod'] !== 'sha256' || typeof sign !== 'string') return undefined
    if (lifetime === undefined || !/^\d{1,16}$/.test(lifetime)) return undefined
    const proof = { ...address, lifetime }
    for (const facts of await candidates(core, address)) {
      const credential = credentialsOf(facts, ENOS, clock.now()).find((one) =>
        sameDigest(sign.toLowerCase(), deviceSignOf({ ...proof, secret: secretOf(core, one) })),
      )
      if (!credential || facts.device.status === 'disabled') continue
      core.gateway.seen(facts.device.serial)
      const claims: SessionClaims = {
        device: facts.device.serial,
        credential: credential.serial,
        generation: credential.generation,
        nonce: ids.token(NONCE_CHARS),
      }
      const seconds = Math.ceil(Math.min(Number(lifetime), LONGEST_MS) / 1000) + GRACE_SECONDS
      return tokens.sign(FAMILY, { ...claims }, seconds)
    }
    return undefined
  }

  async function find(address: Address, sessionId: string | undefined): Promise<Session | undefined> {
    if (sessionId === undefined || sessionId === '') return undefined
    const claims = verified.get(sessionId) ?? (await verify(sessionId))
    if (!claims || clock.now() >= claims.expiresAt) return undefined
    const { device, credential, generation, nonce } = claims
    const facts = await core.gateway.find({ by: 'serial', serial: device })
    if (!facts || facts.device.status === 'disabled' || !isAt(facts, address)) return undefined
    const stands = credentialsOf(facts, ENOS, clock.now()).some(
      (one) => one.serial === credential && one.generation === generation,
    )
    if (!stands) return undefined
    core.gateway.seen(device)
    return { facts, key: `${device}/${nonce}` }
  }

  async function verify(sessionId: string): Promise<Verified | undefined> {
    const verdict = await tokens.verify(FAMILY, sessionId)
    if (verdict.kind !== 'valid') return undefined
    const { device, credential, generation, nonce, exp } = verdict.claims
    if (typeof device !== 'number' || typeof nonce !== 'string') return undefined
    if (typeof credential !== 'number' || typeof generation !== 'number') return undefined
    const claims = { device, credential, generation, nonce, expiresAt: exp * 1000 }
    verified.set(sessionId, claims)
    return claims
  }

  return { open, find }
}

/** Devices name no organisation: whoever has these names in any of them, told apart by the secret. */
async function candidates(core: Core, { productKey, deviceKey }: Address): Promise<DeviceFacts[]> {
  const found: DeviceFacts[] = []
  for (const product of await core.products.listByAliasOnServer(SLOT.productKey, productKey)) {
    const facts = await core.gateway.find({
      by: 'name',
      slot: SLOT.deviceKey,
      product: product.serial,
      name: deviceKey,
    })
    if (facts) found.push(facts)
  }
  return found
}

/** A credential whose secret was not kept proves nothing: no digest equals the text. */
function secretOf(core: Core, credential: Credential): string {
  return credential.sealed === null ? core.deps.ids.token(32) : core.credentials.reveal(credential)
}

function isAt({ device, product }: DeviceFacts, address: Address): boolean {
  return (
    product !== undefined && productKeyOf(product) === address.productKey && deviceKeyOf(device) === address.deviceKey
  )
}
