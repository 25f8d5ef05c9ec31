import type { FastifyRequest } from 'fastify'
import { type Account, type ApiToken, type Role, roleAllows, type TokenScope } from '../core/account/account.ts'
import type { Member } from '../core/account/account-service.ts'
import type { Core } from '../core/create-core.ts'
import { invalid, notFound, OtaError } from '../core/errors.ts'
import type { Organisation } from '../core/organisation/organisation.ts'
import { ApiError } from './errors.ts'

/** Who calls, by a token that is good. */
export interface Caller {
  readonly account: Account
  readonly token: ApiToken
  readonly members: readonly Member[]
}

/** The highest role that a token of each scope can stand for. */
const SCOPE_ROLE: Record<TokenScope, Role> = { read: 'viewer', write: 'operator', admin: 'owner' }

export const ORGANISATION_HEADER = 'godwit-organisation'

/** Reads the bearer token. Throws `unauthenticated` or `expired`. */
export async function authenticate(core: Core, request: FastifyRequest): Promise<Caller> {
  const header = request.headers.authorization
  if (header === undefined) throw refused('An Authorization header with a bearer token is needed.', 'absent')
  const [, secret] = /^Bearer +(\S+)$/i.exec(header) ?? []
  if (secret === undefined) throw refused('The Authorization header must be "Bearer <token>".', 'malformed')
  const check = await core.apiTokens.check(secret)
  switch (check.kind) {
    case 'unknown':
      throw refused('The token is not known.', 'unknown')
    case 'revoked':
      throw refused('The token was revoked.', 'revoked')
    case 'expired':
      throw new OtaError('expired', 'The token has expired; log in again.')
    case 'valid': {
      await core.apiTokens.noteUse(check.token)
      const members = await core.accounts.organisationsOf(check.account.serial)
      return { account: check.account, token: check.token, members }
    }
  }
}

function refused(message: string, reason: string): OtaError {
  return new OtaError('unauthenticated', message, { details: { why: reason } })
}

/** Whether the caller may operate the server itself. */
export function isAdministrator({ account, token }: Caller): boolean {
  return account.isAdministrator && token.scope === 'admin' && token.organisation === null
}

/** The caller's role, bounded by the token; undefined where the organisation is none of its business. */
export function roleIn(caller: Caller, organisation: Organisation): Role | undefined {
  const { account, token, members } = caller
  if (token.organisation !== null && token.organisation !== organisation.serial) return undefined
  const member = members.find((one) => one.organisation.serial === organisation.serial)
  const role = account.isAdministrator ? 'owner' : member?.role
  const most = SCOPE_ROLE[token.scope]
  return role && (roleAllows(most, role) ? role : most)
}

/**
 * The organisation of a request: the header, the query, else the only one there is. One that the caller does not belong
 * to is `not-found`, exactly as one that does not exist.
 */
export async function chooseOrganisation(core: Core, request: FastifyRequest, caller: Caller): Promise<Organisation> {
  const reference = referenceOf(request)
  if (reference === undefined) return onlyOrganisation(core, caller)
  const organisation = await core.organisations.get(reference)
  if (roleIn(caller, organisation) === undefined) throw notFound('organisation', reference)
  return organisation
}

function referenceOf(request: FastifyRequest): string | undefined {
  const header = request.headers[ORGANISATION_HEADER]
  const query = (request.query as Record<string, unknown> | undefined)?.['organisation']
  const named = [header, query].filter((one) => one !== undefined && one !== '')
  if (named.some((one) => typeof one !== 'string') || new Set(named).size > 1)
    throw invalid('organisation', 'header and query must name one and the same organisation')
  return named[0] as string | undefined
}

async function onlyOrganisation(core: Core, caller: Caller): Promise<Organisation> {
  const { account, token, members } = caller
  if (token.organisation !== null) {
    const bound = await core.organisations.find(token.organisation)
    if (!bound || roleIn(caller, bound) === undefined) throw notFound('organisation', 'of the token')
    return bound
  }
  // An administrator reaches every organisation, so the only one must be the server's only one.
  const reached = account.isAdministrator
    ? await core.deps.storage.read.organisations.list({ limit: SHOWN })
    : ownOf(members)
  const [first, second] = reached
  if (first && !second) return first
  if (!first && !account.isAdministrator) throw new OtaError('forbidden', 'The account belongs to no organisation.')
  throw new ApiError(
    'organisation-required',
    `Name the organisation in the header Godwit-Organisation or with ?organisation=, by key or id.`,
    { facts: { organisations: reached.map(({ key }) => key) } },
  )
}

/** Organisations named to a caller who must choose one. */
const SHOWN = 20

function ownOf(members: readonly Member[]): Organisation[] {
  return members.slice(0, SHOWN).map((member) => member.organisation)
}
