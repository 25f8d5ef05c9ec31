import { z } from 'zod'
import type { Member } from '../core/account/account-service.ts'
import { SESSION_TOKEN } from '../core/account/api-token-service.ts'
import { OtaError } from '../core/errors.ts'
import { LOGIN_SECONDS } from './api-context.ts'
import { entity, entityView, time, timeOrNull, timeView } from './fields.ts'
import { accountRoute, publicRoute } from './route.ts'

const memberView = z.strictObject({
  id: z.string(),
  key: z.string(),
  name: z.string(),
  role: z.enum(['owner', 'operator', 'viewer']),
})

const accountView = z.strictObject({ ...entityView, email: z.string(), isAdministrator: z.boolean() })

export const sessionRoutes = [
  publicRoute({
    id: 'session.login',
    method: 'POST',
    path: '/login',
    summary: 'Trade e-mail address and password for a bearer token',
    description:
      'After repeated failures the account is locked for a while: 423 with `Retry-After` and `facts.until`. Wrong password and unknown address are one answer.',
    mode: 'free',
    body: z.strictObject({
      email: z.string().max(254),
      password: z.string().max(1024),
      expiresInSeconds: z.int().min(60).max(2_592_000).exactOptional().describe('Default 12 hours'),
    }),
    reply: z.strictObject({
      token: z.string(),
      expiresAt: timeView,
      account: accountView,
      organisations: z.array(memberView),
    }),
    async handle({ core, context }, { body }) {
      const result = await core.accounts.login(body.email, body.password)
      const now = core.deps.clock.now()
      switch (result.kind) {
        case 'wrong':
          throw new OtaError('unauthenticated', 'E-mail address or password is wrong.')
        case 'locked':
          throw new OtaError('locked', 'The account is locked after repeated failures.', {
            details: { until: time(result.until), retryAfterSeconds: (result.until - now) / 1000 },
          })
        case 'welcome': {
          const { account } = result
          const seconds = body.expiresInSeconds ?? context.options.loginSeconds ?? LOGIN_SECONDS
          const expiresAt = now + seconds * 1000
          const actor = { kind: 'account', id: account.id, name: account.email } as const
          const input = { name: SESSION_TOKEN, scope: 'admin', expiresAt } as const
          const { secret } = await core.apiTokens.create(actor, account, input)
          return {
            token: secret,
            expiresAt: time(expiresAt),
            account: { ...entity(account), email: account.email, isAdministrator: account.isAdministrator },
            organisations: result.organisations.map(viewMember),
          }
        }
      }
    },
  }),

  accountRoute('read', {
    id: 'session.logout',
    method: 'POST',
    path: '/logout',
    summary: 'Revoke the token that this call carries',
    async handle({ services, actor, caller }) {
      await services.apiTokens.revoke(actor, caller.account.serial, caller.token.id)
    },
  }),

  accountRoute('read', {
    id: 'session.show',
    method: 'GET',
    path: '/me',
    summary: 'The account behind the token, and where it may act',
    reply: z.strictObject({
      account: accountView,
      organisations: z.array(memberView),
      token: z.strictObject({
        id: z.string(),
        name: z.string(),
        scope: z.enum(['read', 'write', 'admin']),
        expiresAt: timeView.nullable(),
      }),
    }),
    async handle({ caller }) {
      const { account, token, members } = caller
      return {
        account: { ...entity(account), email: account.email, isAdministrator: account.isAdministrator },
        organisations: members.map(viewMember),
        token: { id: token.id, name: token.name, scope: token.scope, expiresAt: timeOrNull(token.expiresAt) },
      }
    },
  }),

  accountRoute('admin', {
    id: 'session.set-password',
    method: 'PUT',
    path: '/me/password',
    summary: 'Change the own password; ends all logins of the account',
    mode: 'free',
    body: z.strictObject({ current: z.string().max(1024), password: z.string().min(8).max(1024) }),
    async handle({ core, actor, caller }, { body }) {
      const { account } = caller
      const result = await core.accounts.login(account.email, body.current)
      if (result.kind !== 'welcome') throw new OtaError('forbidden', 'The current password is wrong.')
      await core.accounts.setPassword(actor, account.id, body.password)
    },
  }),
]

function viewMember({ organisation, role }: Member) {
  return { id: organisation.id, key: organisation.key, name: organisation.name, role }
}
