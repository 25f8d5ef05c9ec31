import { z } from 'zod'
import type { Account, Membership, Role } from '../core/account/account.ts'
import type { Id, Millis } from '../core/common.ts'
import { invalid, notFound, OtaError } from '../core/errors.ts'
import { isAdministrator } from './caller.ts'
import { entity, entityView, timeOrNull, timeView } from './fields.ts'
import { pageOf, pageOfAll, pageQuery } from './paging.ts'
import { type OrganisationCall, organisationRoute } from './route.ts'
import { refuseStranger } from './take-in.ts'

const roleField = z.enum(['owner', 'operator', 'viewer'])

export const accountFields = {
  email: z.string().min(3).max(254),
  password: z.string().min(8).max(1024),
}

export const accountView = z
  .strictObject({
    ...entityView,
    email: z.string(),
    isAdministrator: z.boolean(),
    lockedUntil: timeView.nullable().describe('Logins are refused until then'),
  })
  .meta({ id: 'Account' })

const memberView = z.strictObject({ ...accountView.shape, role: roleField }).meta({ id: 'Member' })

export const accountRoutes = [
  organisationRoute('viewer', {
    id: 'accounts.list',
    method: 'GET',
    path: '/accounts',
    summary: 'Who belongs to the organisation',
    query: pageQuery,
    reply: pageOf(memberView),
    async handle(call, { query }) {
      const { stores, organisation } = call
      const members = await stores.memberships.listByOrganisation(organisation.serial)
      const rows = members.map((member) => ({ ...member, serial: member.account }))
      return pageOfAll(query, rows, (member) => viewMember(call, member))
    },
  }),

  organisationRoute('owner', {
    id: 'accounts.create',
    method: 'POST',
    path: '/accounts',
    summary: 'Make an account in the organisation, or take an existing one in',
    description:
      'With a password a new account is made; without, the account must exist already. One that belongs to other organisations alone is taken in by a server administrator, or by an owner of both.',
    creates: true,
    body: z.strictObject({
      email: accountFields.email,
      password: accountFields.password.exactOptional(),
      role: roleField.default('operator'),
    }),
    reply: memberView,
    async handle(call, { body }) {
      const { services, actor, scope, organisation } = call
      const account =
        body.password === undefined
          ? await existing(call, body.email)
          : await services.accounts.create(actor, { email: body.email, password: body.password })
      await services.accounts.setRole(scope, account.id, body.role)
      return viewMember(call, { account: account.serial, organisation: organisation.serial, role: body.role })
    },
  }),

  organisationRoute('viewer', {
    id: 'accounts.show',
    method: 'GET',
    path: '/accounts/:account',
    summary: 'One account of the organisation',
    reply: memberView,
    async handle(call, { params }) {
      return viewMember(call, (await findMember(call, params.account)).membership)
    },
  }),

  organisationRoute('owner', {
    id: 'accounts.set-role',
    method: 'PUT',
    path: '/accounts/:account/role',
    summary: 'Change the role of an account; the last owner stays one',
    body: z.strictObject({ role: roleField }),
    reply: memberView,
    async handle(call, { params, body }) {
      const { account, membership } = await findMember(call, params.account)
      await call.services.accounts.setRole(call.scope, account.id, body.role)
      return viewMember(call, { ...membership, role: body.role })
    },
  }),

  organisationRoute('owner', {
    id: 'accounts.remove',
    method: 'DELETE',
    path: '/accounts/:account',
    summary: 'Take an account out of the organisation',
    description: 'The account itself stays: it may belong elsewhere. The last owner cannot be removed.',
    async handle(call, { params }) {
      const { account } = await findMember(call, params.account)
      await call.services.accounts.removeMember(call.scope, account.id)
    },
  }),

  organisationRoute('owner', {
    id: 'accounts.set-password',
    method: 'PUT',
    path: '/accounts/:account/password',
    summary: 'Set a password; unlocks the account and ends its logins',
    description:
      'Owners may do so only for accounts that belong to no other organisation and are no server administrators.',
    mode: 'free',
    body: z.strictObject({ password: accountFields.password }),
    async handle(call, { params, body }) {
      const { account } = await findMember(call, params.account)
      await refuseForeign(call, account)
      await call.core.accounts.setPassword(call.actor, account.id, body.password)
    },
  }),

  organisationRoute('owner', {
    id: 'accounts.unlock',
    method: 'POST',
    path: '/accounts/:account/unlock',
    summary: 'End the lock that repeated failures have set',
    async handle(call, { params }) {
      const { account } = await findMember(call, params.account)
      await call.services.accounts.unlock(call.actor, account.id)
    },
  }),
]

/** The account is its own everywhere else too: an owner here must not get into other organisations through it. */
async function refuseForeign(call: OrganisationCall, account: Account): Promise<void> {
  if (isAdministrator(call.caller) || account.serial === call.caller.account.serial) return
  const memberships = await call.stores.memberships.listByAccount(account.serial)
  if (account.isAdministrator || memberships.length > 1)
    throw new OtaError(
      'forbidden',
      'The account belongs to other organisations too; a server administrator must do it.',
    )
}

async function existing(call: OrganisationCall, email: string): Promise<Account> {
  const account = await call.services.accounts.findByEmail(email)
  if (!account) throw invalid('password', 'is needed: there is no account with this address yet')
  await refuseStranger(call.stores, call.caller, account)
  return account
}

/** By id or address, among the members. */
async function findMember(call: OrganisationCall, reference: string) {
  const { services, stores, organisation } = call
  const account: Account | undefined = reference.includes('@')
    ? await services.accounts.findByEmail(reference)
    : await services.accounts.findById(reference as Id)
  const memberships = account ? await stores.memberships.listByAccount(account.serial) : []
  const membership = memberships.find((one) => one.organisation === organisation.serial)
  if (!account || !membership) throw notFound('account', reference)
  return { account, membership }
}

export function viewAccount(account: Account, now: Millis) {
  return {
    ...entity(account),
    email: account.email,
    isAdministrator: account.isAdministrator,
    lockedUntil: timeOrNull(account.lockedUntil > now ? account.lockedUntil : null),
  }
}

async function viewMember(call: OrganisationCall, membership: Membership & { role: Role }) {
  const account = await call.stores.accounts.find(membership.account)
  if (!account) throw notFound('account', membership.account)
  return { ...viewAccount(account, call.core.deps.clock.now()), role: membership.role }
}
