import { z } from 'zod'
import type { AccessKey } from '../core/access/access-key.ts'
import { notFound } from '../core/errors.ts'
import { entity, entityView, nameField, referenceView } from './fields.ts'
import { page, pageOf, pageQuery } from './paging.ts'
import { administratorRoute, type OrganisationCall, organisationRoute } from './route.ts'

const permissionsField = z
  .array(z.enum(['read', 'write', 'enrol']))
  .min(1)
  .max(3)
  .describe('write includes the others; enrol lets devices make themselves known and nothing else')

const accessKeyView = z
  .strictObject({
    ...entityView,
    key: z.string().describe('Public half; unique on the server'),
    name: z.string(),
    disabled: z.boolean(),
    hasProof: z.boolean().describe('Whether a separate proof was issued'),
    permissions: permissionsField.describe('In this organisation'),
    grants: z.array(z.strictObject({ organisation: referenceView, permissions: permissionsField })),
  })
  .meta({ id: 'AccessKey' })

export const accessKeyRoutes = [
  organisationRoute('owner', {
    id: 'access-keys.list',
    method: 'GET',
    path: '/access-keys',
    summary: 'Keys that the organisation manages',
    query: pageQuery,
    reply: pageOf(accessKeyView),
    handle: (call, { query }) =>
      page({
        query,
        list: (slice) => call.stores.accessKeys.list(call.organisation.serial, slice),
        view: (row) => viewAccessKey(call, row),
      }),
  }),

  organisationRoute('owner', {
    id: 'access-keys.create',
    method: 'POST',
    path: '/access-keys',
    summary: 'Make a key; its secret is shown this once',
    creates: true,
    body: z.strictObject({
      key: z.string().min(1).max(200).exactOptional().describe('A UUID unless given'),
      secret: z.string().min(1).max(200).exactOptional().describe('128 random bits in UUID shape unless given'),
      name: z.string().max(200).exactOptional(),
      permissions: permissionsField.exactOptional().describe('Default: read'),
    }),
    reply: z.strictObject({ ...accessKeyView.shape, secret: z.string() }),
    async handle(call, { body }) {
      const { accessKey, secret } = await call.services.accessKeys.create(call.scope, body)
      return { ...(await viewAccessKey(call, accessKey)), secret }
    },
  }),

  organisationRoute('owner', {
    id: 'access-keys.show',
    method: 'GET',
    path: '/access-keys/:accessKey',
    summary: 'One key',
    reply: accessKeyView,
    handle: async (call, { params }) => viewAccessKey(call, await findAccessKey(call, params.accessKey)),
  }),

  organisationRoute('owner', {
    id: 'access-keys.change',
    method: 'PATCH',
    path: '/access-keys/:accessKey',
    summary: 'Change name, permissions or whether it is disabled',
    conditional: true,
    body: z.strictObject({
      name: nameField.exactOptional(),
      disabled: z.boolean().exactOptional(),
      permissions: permissionsField.exactOptional(),
    }),
    reply: accessKeyView,
    async handle(call, { params, body }) {
      const { id } = await findAccessKey(call, params.accessKey)
      return viewAccessKey(call, await call.services.accessKeys.update(call.scope, id, body, call.ifRevision))
    },
  }),

  administratorRoute({
    id: 'access-keys.grant',
    method: 'PUT',
    path: '/access-keys/:accessKey/grants/:organisation',
    summary: 'Let a key of one organisation reach another',
    body: z.strictObject({ permissions: permissionsField }),
    async handle({ services, stores, actor }, { params, body }) {
      const accessKey = await stores.accessKeys.findByKey(params.accessKey)
      if (!accessKey) throw notFound('access key', params.accessKey)
      const { serial } = await services.organisations.get(params.organisation)
      const scope = { actor, organisation: accessKey.organisation }
      await services.accessKeys.grant(scope, accessKey.id, { organisation: serial, permissions: body.permissions })
    },
  }),

  organisationRoute('owner', {
    id: 'access-keys.delete',
    method: 'DELETE',
    path: '/access-keys/:accessKey',
    summary: 'Delete a key; its tokens end at once',
    async handle(call, { params }) {
      const { id } = await findAccessKey(call, params.accessKey)
      await call.services.accessKeys.delete(call.scope, id)
    },
  }),

  organisationRoute('owner', {
    id: 'access-keys.issue-proof',
    method: 'POST',
    path: '/access-keys/:accessKey/proof',
    summary: 'Issue a proof for programs whose own header proves nothing; shown this once, replaces the one before',
    creates: true,
    reply: z.strictObject({ proof: z.string() }),
    async handle(call, { params }) {
      const { id } = await findAccessKey(call, params.accessKey)
      return { proof: await call.services.accessKeys.issueProof(call.scope, id) }
    },
  }),
]

/** By id or public key, among those that the organisation manages. */
async function findAccessKey(call: OrganisationCall, reference: string): Promise<AccessKey> {
  const { stores, organisation } = call
  const byKey = await stores.accessKeys.findByKey(reference)
  const found =
    byKey?.organisation === organisation.serial
      ? byKey
      : await stores.accessKeys.findById(organisation.serial, reference)
  if (!found) throw notFound('access key', reference)
  return found
}

async function viewAccessKey(call: OrganisationCall, row: AccessKey) {
  const { references, organisation } = call
  const own = row.grants.find((grant) => grant.organisation === organisation.serial)
  const grants = []
  for (const grant of row.grants) {
    const reference = await references.organisation(grant.organisation)
    if (reference) grants.push({ organisation: reference, permissions: [...grant.permissions] })
  }
  const { key, name, disabled } = row
  const permissions = [...(own?.permissions ?? [])]
  return { ...entity(row), key, name, disabled, hasProof: row.proofHash !== null, permissions, grants }
}
