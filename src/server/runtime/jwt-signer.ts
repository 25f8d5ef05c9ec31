import { errors, jwtVerify, SignJWT } from 'jose'
import type { Clock, Secrets, TokenSigner, TokenVerdict } from '../../core/ports.ts'

const ALGORITHM = 'HS256'

/** Signed tokens: HS256 under a key of each family's own, never the algorithm that the token names. */
export function jwtSigner(secrets: Pick<Secrets, 'derive'>, clock: Clock): TokenSigner {
  const keys = new Map<string, Uint8Array>()

  function keyOf(family: string): Uint8Array {
    const known = keys.get(family)
    if (known) return known
    const key = secrets.derive(`jwt/${family}`)
    keys.set(family, key)
    return key
  }

  return {
    async sign(family, claims, lifetimeSeconds) {
      const iat = Math.floor(clock.now() / 1000)
      return new SignJWT({ ...claims, iat, exp: iat + lifetimeSeconds })
        .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
        .sign(keyOf(family))
    },
    async verify(family, token): Promise<TokenVerdict> {
      try {
        // Expiry is judged below, so that an expired token's claims are still known to be ours.
        const { payload } = await jwtVerify(token, keyOf(family), { algorithms: [ALGORITHM], currentDate: new Date(0) })
        const { iat, exp } = payload
        if (typeof iat !== 'number' || typeof exp !== 'number') return { kind: 'invalid' }
        return { kind: clock.now() >= exp * 1000 ? 'expired' : 'valid', claims: { ...payload, iat, exp } }
      } catch (error) {
        if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return { kind: 'malformed' }
        return { kind: 'invalid' }
      }
    },
  }
}
