import { z } from 'zod'
import { notFound } from '../core/errors.ts'
import { findProduct } from '../core/product/product-service.ts'
import type { Release } from '../core/release/release.ts'
import { entity, entityView, idField, keyField, referenceField, referenceView, versionField } from './fields.ts'
import { page, pageOf, pageQuery } from './paging.ts'
import { type OrganisationCall, organisationRoute } from './route.ts'

export const releaseView = z
  .strictObject({
    ...entityView,
    product: referenceView.nullable(),
    version: z.string(),
    isSilent: z.boolean().describe('Made by the server for a single firmware'),
    firmware: z.array(
      z.strictObject({ id: z.string(), module: z.string().nullable(), version: z.string(), withdrawn: z.boolean() }),
    ),
  })
  .meta({ id: 'Release' })

export const releaseRoutes = [
  organisationRoute('viewer', {
    id: 'releases.list',
    method: 'GET',
    path: '/releases',
    summary: 'Named releases',
    query: { ...pageQuery, product: referenceField.optional() },
    reply: pageOf(releaseView),
    async handle(call, { query }) {
      const organisation = call.organisation.serial
      const product =
        query.product === undefined ? undefined : await findProduct(call.stores, organisation, query.product)
      const filter = { organisation, ...(product && { product: product.serial }) }
      return page({
        query,
        list: (slice) => call.stores.releases.list(filter, slice),
        view: (row) => viewRelease(call, row),
      })
    },
  }),

  organisationRoute('operator', {
    id: 'releases.create',
    method: 'POST',
    path: '/releases',
    summary: 'Put firmware of one or more modules under one version; seals the firmware',
    creates: true,
    body: z.strictObject({
      product: referenceField,
      version: versionField,
      firmware: z.record(keyField, versionField).describe('Module key -> firmware version'),
      id: idField.exactOptional(),
    }),
    reply: releaseView,
    handle: async (call, { body }) => viewRelease(call, await call.services.releases.create(call.scope, body)),
  }),

  organisationRoute('viewer', {
    id: 'releases.show',
    method: 'GET',
    path: '/releases/:release',
    summary: 'One release',
    reply: releaseView,
    async handle(call, { params }) {
      const row = await call.stores.releases.findById(call.organisation.serial, params.release)
      if (!row) throw notFound('release', params.release)
      return viewRelease(call, row)
    },
  }),

  organisationRoute('operator', {
    id: 'releases.delete',
    method: 'DELETE',
    path: '/releases/:release',
    summary: 'Delete a release to which no assignment or update refers',
    handle: (call, { params }) => call.services.releases.delete(call.scope, params.release),
  }),
]

export async function viewRelease({ references }: OrganisationCall, row: Release) {
  const firmware = []
  for (const serial of row.firmware) {
    const one = await references.firmware(serial)
    if (!one) continue
    const module = await references.module(one.module)
    firmware.push({ id: one.id, module: module?.key ?? null, version: one.version, withdrawn: one.withdrawn })
  }
  const { version, isSilent } = row
  return { ...entity(row), product: await references.product(row.product), version, isSilent, firmware }
}
