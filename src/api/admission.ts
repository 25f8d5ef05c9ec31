import type { FastifyRequest } from 'fastify'
import { type Role, roleAllows, type TokenScope } from '../core/account/account.ts'
import type { Core } from '../core/create-core.ts'
import { OtaError } from '../core/errors.ts'
import type { Organisation } from '../core/organisation/organisation.ts'
import { authenticate, type Caller, chooseOrganisation, isAdministrator, roleIn } from './caller.ts'
import type { Access } from './route.ts'

/** Who was let in, and where. */
export interface Admission {
  readonly caller: Caller
  readonly organisation?: Organisation
  readonly role?: Role
}

const SCOPE_RANK: Record<TokenScope, number> = { read: 1, write: 2, admin: 3 }

/** Decides before the body is read. undefined = a route for everybody. Throws what the caller gets to see. */
export async function admit(core: Core, access: Access, request: FastifyRequest): Promise<Admission | undefined> {
  if (access.kind === 'public') return undefined
  const caller = await authenticate(core, request)
  switch (access.kind) {
    case 'account':
      if (SCOPE_RANK[caller.token.scope] < SCOPE_RANK[access.scope])
        throw forbidden(`This needs a token of scope ${access.scope}.`)
      return { caller }
    case 'administrator':
      if (!isAdministrator(caller)) throw forbidden('This needs a server administrator, and a token without bounds.')
      return { caller }
    case 'organisation': {
      const organisation = await chooseOrganisation(core, request, caller)
      const role = roleIn(caller, organisation)
      if (role === undefined || !roleAllows(role, access.role))
        throw forbidden(`This needs the role ${access.role} in the organisation, and a token that allows it.`)
      return { caller, organisation, role }
    }
  }
}

function forbidden(message: string): OtaError {
  return new OtaError('forbidden', message)
}
