import type { FastifyInstance } from 'fastify'
import type { Account } from '../../core/account/account.ts'
import type { Member } from '../../core/account/account-service.ts'
import type { Core } from '../../core/create-core.ts'
import { OtaError } from '../../core/errors.ts'
import { USER_TOKENS, userTokenClaims } from './access-token.ts'
import type { SpokeZoneConfig } from './config.ts'
import { parseUserLogin } from './schema.ts'

/** `POST /login`: a token for a person, who is known by e-mail address. [spoke-zone 2] */
export function routeUserLogin(scope: FastifyInstance, core: Core, config: SpokeZoneConfig): void {
  const { clock, ids, tokens } = core.deps

  scope.post('/login', async (request, reply) => {
    const login = parseUserLogin(request.body)
    if (!login) throw refused('missing')
    const result = await core.accounts.login(login.username, login.password)
    if (result.kind === 'locked') throw new OtaError('locked', 'The account is locked; try again later.')
    if (result.kind === 'wrong') throw refused('invalid')
    const [member] = result.organisations
    if (!member) throw new OtaError('forbidden', 'The account belongs to no organisation.')

    const claims = userTokenClaims(result.account.serial, {
      jti: ids.uuid(),
      organisation: member.organisation.serial,
      generation: result.account.generation,
    })
    const expires = Math.floor(clock.now() / 1000) + config.userTokenSeconds
    const token = await tokens.sign(USER_TOKENS, claims, config.userTokenSeconds)
    reply.header('cache-control', 'no-store')
    return reply.send({ token, expires, user: toWireUser(result.account, member) })
  })
}

function refused(reason: 'missing' | 'invalid'): OtaError {
  return new OtaError('unauthenticated', 'Wrong user name or password.', { details: { reason } })
}

/** All keys that the SDK knows; null where there is no equivalent. */
function toWireUser(account: Account, member: Member): Record<string, unknown> {
  return {
    username: account.email,
    user_id: account.serial,
    user_role: member.role,
    customer_id: member.organisation.serial,
    customer_role: null,
    oem_id: null,
    reset_required: null,
    customer_prefix: null,
    is_mobile_user: null,
    prefix: null,
    mqtt_permission: null,
  }
}
