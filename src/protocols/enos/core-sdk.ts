import type { FastifyBaseLogger } from 'fastify'
import type { AccessKey } from '../../core/access/access-key.ts'
import type { Core } from '../../core/create-core.ts'
import { hashToken } from '../../core/device/secret-hash.ts'
import { equalSecrets } from '../http/constant-time.ts'
import type { EnosConfig } from './config.ts'
import { CODE, EnosFailure } from './errors.ts'
import { FailureCounter } from './failure-counter.ts'

/** [enos 2.7] 256 bytes in base64: RSA-OAEP under a key that only the vendor has. It proves nothing. */
const OPAQUE = /^[A-Za-z0-9+/]{342}==$/

export function isOpaqueHeader(token: string): boolean {
  return OPAQUE.test(token)
}

export interface CoreSdkAuth {
  /** The credential whose proof key stands in `proof` (`<accessKey>:<proof key>`). Throws the one refusal for all else. */
  authenticate(proof: string | undefined, address: string): Promise<AccessKey>
}

const NO_HASH = hashToken('')

/** [enos 2.7] Mode off by default; opt-in per credential by issuing a proof key. */
export function createCoreSdkAuth(core: Core, config: EnosConfig, log: FastifyBaseLogger): CoreSdkAuth {
  const failures = new FailureCounter(config.proofFailuresPerMinute)

  function refuse(address: string): never {
    const now = core.deps.clock.now()
    const since = failures.note(address, now)
    if (since !== undefined) log.warn({ refusals: since }, 'EnOS core SDK calls were refused')
    throw new EnosFailure(CODE.denied, 'Denied resource:  core SDK access is not enabled')
  }

  async function authenticate(proof: string | undefined, address: string): Promise<AccessKey> {
    if (!config.coreSdk || failures.isExhausted(address, core.deps.clock.now())) return refuse(address)
    const colon = proof?.indexOf(':') ?? -1
    if (proof === undefined || colon < 1) return refuse(address)
    const accessKey = await core.accessKeys.findByKey(proof.slice(0, colon))
    const isProved = equalSecrets(hashToken(proof.slice(colon + 1)), accessKey?.proofHash ?? NO_HASH)
    if (!accessKey || accessKey.proofHash === null || accessKey.disabled || !isProved) return refuse(address)
    return accessKey
  }

  return { authenticate }
}
