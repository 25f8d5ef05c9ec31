import { z } from 'zod'
import { invalid } from '../core/errors.ts'
import type { Floor } from '../core/floor/floor.ts'
import { type FloorInput, findFloor } from '../core/floor/floor-service.ts'
import { findProduct } from '../core/product/product-service.ts'
import { entity, entityView, idField, keyField, referenceView, versionField } from './fields.ts'
import { pageOf, pageOfAll, pageQuery } from './paging.ts'
import { type OrganisationCall, organisationRoute } from './route.ts'

const reasonField = z.string().min(1).max(500).describe('Why, for whoever asks')

const floorView = z
  .strictObject({
    ...entityView,
    product: referenceView.nullable(),
    module: referenceView.nullable(),
    version: z.string().describe('That no device may jump over'),
    firmware: z.strictObject({
      id: z.string(),
      sequence: z.int().nullable(),
      withdrawn: z.boolean().describe('Then no way leads over it, and devices below it get nothing above it'),
    }),
    reason: z.string(),
  })
  .meta({ id: 'Floor' })

export const floorRoutes = [
  organisationRoute('viewer', {
    id: 'floors.list',
    method: 'GET',
    path: '/products/:product/floors',
    summary: 'Versions that no device of a product may jump over',
    query: pageQuery,
    reply: pageOf(floorView),
    async handle(call, { params, query }) {
      const product = await findProduct(call.stores, call.organisation.serial, params.product)
      const rows = await call.stores.floors.listByProduct(product.serial)
      return pageOfAll(query, rows, (row) => viewFloor(call, row))
    },
  }),

  organisationRoute('operator', {
    id: 'floors.create',
    method: 'POST',
    path: '/products/:product/floors',
    summary: 'Make a version one that no device may jump over',
    description:
      'Names a library firmware by `version` (and `module`) or by its id in `firmware`. It is sealed and cannot be deleted while it is a floor.',
    creates: true,
    body: z.strictObject({
      version: versionField.exactOptional(),
      module: keyField.exactOptional().describe('With version; the primary module unless given'),
      firmware: idField.exactOptional().describe('Id, in place of version'),
      reason: reasonField,
      id: idField.exactOptional(),
    }),
    reply: z.strictObject({ ...floorView.shape, warnings: z.array(z.string()).describe('What may surprise') }),
    async handle(call, { params, body }) {
      const { reason, id } = body
      const input = { product: params.product, firmware: firmwareOf(body), reason, ...(id !== undefined && { id }) }
      const { floor, warnings } = await call.services.floors.create(call.scope, input)
      return { ...(await viewFloor(call, floor)), warnings: [...warnings] }
    },
  }),

  organisationRoute('viewer', {
    id: 'floors.show',
    method: 'GET',
    path: '/floors/:floor',
    summary: 'One floor',
    reply: floorView,
    handle: async (call, { params }) =>
      viewFloor(call, await findFloor(call.stores, call.organisation.serial, params.floor)),
  }),

  organisationRoute('operator', {
    id: 'floors.change',
    method: 'PATCH',
    path: '/floors/:floor',
    summary: 'Change the reason',
    conditional: true,
    body: z.strictObject({ reason: reasonField }),
    reply: floorView,
    handle: async (call, { params, body }) =>
      viewFloor(call, await call.services.floors.update(call.scope, params.floor, body, call.ifRevision)),
  }),

  organisationRoute('operator', {
    id: 'floors.delete',
    method: 'DELETE',
    path: '/floors/:floor',
    summary: 'Let devices jump over the version again; the firmware stays',
    handle: (call, { params }) => call.services.floors.delete(call.scope, params.floor),
  }),
]

interface Named {
  readonly version?: string
  readonly module?: string
  readonly firmware?: string
}

function firmwareOf({ version, module, firmware }: Named): FloorInput['firmware'] {
  if ((version === undefined) === (firmware === undefined)) throw invalid('version', 'give either version or firmware')
  if (firmware === undefined) return { version: version ?? '', ...(module !== undefined && { module }) }
  if (module !== undefined) throw invalid('module', 'goes with version')
  return { id: firmware }
}

async function viewFloor({ references }: OrganisationCall, row: Floor) {
  const firmware = await references.firmware(row.firmware)
  return {
    ...entity(row),
    product: await references.product(row.product),
    module: await references.module(row.module),
    version: firmware?.version ?? '',
    firmware: {
      id: firmware?.id ?? '',
      sequence: firmware?.sequence ?? null,
      withdrawn: firmware?.withdrawn ?? false,
    },
    reason: row.reason,
  }
}
