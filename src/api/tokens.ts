import { z } from 'zod'
import type { ApiToken, TokenScope } from '../core/account/account.ts'
import { SESSION_TOKEN } from '../core/account/api-token-service.ts'
import { invalid, notFound, OtaError } from '../core/errors.ts'
import { roleIn } from './caller.ts'
import { entity, entityView, nameField, referenceField, referenceView, timeOrNull, timeView } from './fields.ts'
import { pageOf, pageOfAll, pageQuery } from './paging.ts'
import { type AccountCall, accountRoute } from './route.ts'

const scopeField = z.enum(['read', 'write', 'admin'])

const tokenView = z
  .strictObject({
    ...entityView,
    name: z.string(),
    scope: scopeField,
    organisation: referenceView.nullable().describe('null = all of the account'),
    expiresAt: timeView.nullable(),
    revokedAt: timeView.nullable(),
    lastUsedAt: timeView.nullable().describe('At most five minutes late'),
    isCurrent: z.boolean().describe('The token of this very call'),
  })
  .meta({ id: 'Token' })

export const tokenRoutes = [
  accountRoute('read', {
    id: 'tokens.list',
    method: 'GET',
    path: '/tokens',
    summary: "The account's own tokens, logins included",
    query: pageQuery,
    reply: pageOf(tokenView),
    async handle(call, { query }) {
      const tokens = await call.stores.apiTokens.listByAccount(call.caller.account.serial)
      return pageOfAll(query, tokens, (token) => viewToken(call, token))
    },
  }),

  accountRoute('admin', {
    id: 'tokens.create',
    method: 'POST',
    path: '/tokens',
    summary: 'Make a token for a program; the clear text is shown this once',
    description: 'A token that is bound to an organisation makes only tokens for that one.',
    creates: true,
    body: z.strictObject({
      name: nameField,
      scope: scopeField.describe('The most that the token may do: read, write (operator), admin (all of the account)'),
      organisation: referenceField.nullable().exactOptional().describe('Only this organisation; null = all'),
      expiresInSeconds: z.int().min(60).max(3_155_760_000).nullable().exactOptional().describe('null = never'),
    }),
    reply: z.strictObject({ ...tokenView.shape, token: z.string() }),
    async handle(call, { body }) {
      const { services, actor, caller, core } = call
      if (body.name === SESSION_TOKEN) throw invalid('name', `"${SESSION_TOKEN}" is kept for logins`)
      const { token, secret } = await services.apiTokens.create(actor, caller.account, {
        name: body.name,
        scope: body.scope satisfies TokenScope,
        organisation: await boundTo(call, body.organisation),
        expiresAt: body.expiresInSeconds == null ? null : core.deps.clock.now() + body.expiresInSeconds * 1000,
      })
      return { ...(await viewToken(call, token)), token: secret }
    },
  }),

  accountRoute('admin', {
    id: 'tokens.revoke',
    method: 'DELETE',
    path: '/tokens/:token',
    summary: 'Revoke one of the own tokens',
    async handle({ services, actor, caller }, { params }) {
      await services.apiTokens.revoke(actor, caller.account.serial, params.token)
    },
  }),
]

async function boundTo(call: AccountCall, reference: string | null | undefined): Promise<number | null> {
  const { caller, services } = call
  const bound = caller.token.organisation
  if (reference == null) return bound
  const organisation = await services.organisations.get(reference)
  if (roleIn(caller, organisation) === undefined) throw notFound('organisation', reference)
  if (bound !== null && bound !== organisation.serial) throw new OtaError('forbidden', 'This token is bound elsewhere.')
  return organisation.serial
}

async function viewToken({ references, caller }: AccountCall, token: ApiToken) {
  return {
    ...entity(token),
    name: token.name,
    scope: token.scope,
    organisation: await references.organisation(token.organisation),
    expiresAt: timeOrNull(token.expiresAt),
    revokedAt: timeOrNull(token.revokedAt),
    lastUsedAt: timeOrNull(token.lastUsedAt),
    isCurrent: token.serial === caller.token.serial,
  }
}
