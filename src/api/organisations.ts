import { z } from 'zod'
import { type Role, roleAllows } from '../core/account/account.ts'
import { notFound, OtaError } from '../core/errors.ts'
import type { Organisation } from '../core/organisation/organisation.ts'
import type { OrganisationPatch } from '../core/organisation/organisation-service.ts'
import { findProduct } from '../core/product/product-service.ts'
import type { Scope } from '../core/service.ts'
import { isAdministrator, roleIn } from './caller.ts'
import {
  aliasesField,
  entity,
  entityView,
  idField,
  keyField,
  labelsPatch,
  mergeLabels,
  nameField,
  referenceField,
  referenceView,
} from './fields.ts'
import { page, pageOf, pageOfAll, pageQuery } from './paging.ts'
import { type AccountCall, accountRoute, administratorRoute } from './route.ts'

const settingField = z.union([z.boolean(), z.number(), z.string().max(200)])
const settingName = z
  .string()
  .regex(/^[a-z0-9-]+(\/[a-z0-9-]+)*$/, 'must be like spoke-zone/numeric-ids')
  .max(64)

export const organisationView = z
  .strictObject({
    ...entityView,
    key: z.string(),
    name: z.string(),
    defaultProduct: referenceView.nullable().describe('For devices that a protocol creates'),
    frozen: z.boolean().describe('Nothing new is offered; what is under way ends'),
    aliases: z.record(z.string(), z.string()),
    settings: z.record(z.string(), settingField),
    role: z.enum(['owner', 'operator', 'viewer']).describe("The caller's, as far as its token allows"),
  })
  .meta({ id: 'Organisation' })

export const organisationRoutes = [
  accountRoute('read', {
    id: 'organisations.list',
    method: 'GET',
    path: '/organisations',
    summary: 'The organisations of the account; for server administrators all',
    query: pageQuery,
    reply: pageOf(organisationView),
    async handle(call, { query }) {
      const { caller, stores } = call
      const view = (organisation: Organisation) => viewOrganisation(call, organisation)
      if (caller.account.isAdministrator && caller.token.organisation === null)
        return page({ query, list: (slice) => stores.organisations.list(slice), view })
      const own = caller.members.map((member) => member.organisation)
      return pageOfAll(
        query,
        own.filter((one) => roleIn(caller, one) !== undefined),
        view,
      )
    },
  }),

  administratorRoute({
    id: 'organisations.create',
    method: 'POST',
    path: '/organisations',
    summary: 'Make an organisation',
    creates: true,
    body: z.strictObject({
      key: keyField,
      name: nameField.exactOptional(),
      id: idField.exactOptional(),
      aliases: aliasesField.exactOptional(),
      settings: z.record(settingName, settingField).exactOptional(),
    }),
    reply: organisationView,
    async handle(call, { body }) {
      return viewOrganisation(call, await call.services.organisations.create(call.actor, body))
    },
  }),

  accountRoute('read', {
    id: 'organisations.show',
    method: 'GET',
    path: '/organisations/:organisation',
    summary: 'One organisation',
    reply: organisationView,
    async handle(call, { params }) {
      return viewOrganisation(call, await ownOrganisation(call, params.organisation, 'viewer'))
    },
  }),

  accountRoute('write', {
    id: 'organisations.change',
    method: 'PATCH',
    path: '/organisations/:organisation',
    summary: 'Change name, default product, vendor names, settings',
    description: 'For the role owner. `aliases` and `settings` are merged; null removes an entry.',
    conditional: true,
    body: z.strictObject({
      name: nameField.exactOptional(),
      defaultProduct: referenceField.nullable().exactOptional(),
      frozen: z.boolean().exactOptional(),
      aliases: labelsPatch.exactOptional(),
      settings: z.record(settingName, settingField.nullable()).exactOptional(),
    }),
    reply: organisationView,
    async handle(call, { params, body }) {
      const before = await ownOrganisation(call, params.organisation, 'owner')
      const { defaultProduct, aliases, settings, ...plain } = body
      const patch: OrganisationPatch = {
        ...plain,
        ...(defaultProduct !== undefined && { defaultProduct: await productOf(call, before, defaultProduct) }),
        ...(aliases && { aliases: mergeLabels(before.aliases, aliases) }),
        ...(settings && { settings: mergeSettings(before.settings, settings) }),
      }
      const after = await call.services.organisations.update(scopeIn(call, before), patch, call.ifRevision)
      return viewOrganisation(call, after)
    },
  }),

  ...[true, false].map((frozen) =>
    accountRoute('write', {
      id: frozen ? 'organisations.freeze' : 'organisations.thaw',
      method: 'POST',
      path: `/organisations/:organisation/${frozen ? 'freeze' : 'thaw'}`,
      summary: frozen ? 'Offer nothing new to any of its devices; what is under way ends' : 'End a freeze',
      description: 'For the role operator or higher.',
      reply: organisationView,
      async handle(call, { params }) {
        const before = await ownOrganisation(call, params.organisation, 'operator')
        return viewOrganisation(call, await call.services.organisations.update(scopeIn(call, before), { frozen }))
      },
    }),
  ),
]

/** The named organisation, if the caller has at least `role` there; one where it has none does not exist for it. */
async function ownOrganisation(call: AccountCall, reference: string, needed: Role): Promise<Organisation> {
  const organisation = await call.services.organisations.get(reference)
  const role = roleIn(call.caller, organisation)
  if (role === undefined) throw notFound('organisation', reference)
  if (!roleAllows(role, needed))
    throw new OtaError('forbidden', `This needs the role ${needed} in the organisation, and a token that allows it.`)
  return organisation
}

function scopeIn(call: AccountCall, organisation: Organisation): Scope {
  return { actor: call.actor, organisation: organisation.serial }
}

async function productOf(call: AccountCall, organisation: Organisation, reference: string | null) {
  if (reference === null) return null
  return (await findProduct(call.stores, organisation.serial, reference)).serial
}

function mergeSettings(
  before: Organisation['settings'],
  patch: Readonly<Record<string, boolean | number | string | null>>,
): Organisation['settings'] {
  const merged: Record<string, boolean | number | string> = { ...before }
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name]
    else merged[name] = value
  }
  return merged
}

async function viewOrganisation(call: AccountCall, organisation: Organisation) {
  const { key, name, frozen, aliases, settings } = organisation
  const defaultProduct = await call.references.product(organisation.defaultProduct)
  const role = roleIn(call.caller, organisation) ?? (isAdministrator(call.caller) ? 'owner' : 'viewer')
  return { ...entity(organisation), key, name, defaultProduct, frozen, aliases, settings, role }
}
