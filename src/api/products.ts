import { z } from 'zod'
import type { Module, Product } from '../core/product/product.ts'
import { findModule, findProduct, type ProductPatch } from '../core/product/product-service.ts'
import {
  aliasesField,
  entity,
  entityView,
  idField,
  keyField,
  labelsPatch,
  mergeLabels,
  nameField,
  numberField,
} from './fields.ts'
import { page, pageOf, pageQuery } from './paging.ts'
import { type OrganisationCall, organisationRoute } from './route.ts'

const moduleFields = {
  key: keyField,
  name: nameField.exactOptional(),
  id: idField.exactOptional(),
  number: numberField.exactOptional(),
}

const moduleView = z
  .strictObject({
    ...entityView,
    number: z.int(),
    key: z.string(),
    name: z.string(),
    isPrimary: z.boolean().describe('The module meant where a protocol knows only "the device"'),
  })
  .meta({ id: 'Module' })

const distributionField = z
  .enum(['catalogue', 'managed'])
  .describe('catalogue: devices see all active firmware and choose; managed: only what is granted to them')

const downgradesField = z
  .enum(['guarded', 'forbidden'])
  .describe('guarded: a plan may let devices go back to an older version; forbidden: none can')

const productView = z
  .strictObject({
    ...entityView,
    number: z.int(),
    key: z.string(),
    name: z.string(),
    distribution: distributionField,
    downgrades: downgradesField,
    aliases: z.record(z.string(), z.string()),
    modules: z.array(moduleView).describe('The primary one first'),
  })
  .meta({ id: 'Product' })

export const productRoutes = [
  organisationRoute('viewer', {
    id: 'products.list',
    method: 'GET',
    path: '/products',
    summary: 'Device models',
    query: pageQuery,
    reply: pageOf(productView),
    handle: (call, { query }) =>
      page({
        query,
        list: (slice) => call.stores.products.list(call.organisation.serial, slice),
        view: (product) => viewProduct(call, product),
      }),
  }),

  organisationRoute('operator', {
    id: 'products.create',
    method: 'POST',
    path: '/products',
    summary: 'Make a product with its modules; without any it gets one named main',
    creates: true,
    body: z.strictObject({
      key: keyField,
      name: nameField.exactOptional(),
      id: idField.exactOptional(),
      number: numberField.exactOptional(),
      distribution: distributionField.exactOptional(),
      downgrades: downgradesField.exactOptional(),
      aliases: aliasesField.exactOptional(),
      modules: z.array(z.strictObject(moduleFields)).max(100).exactOptional(),
    }),
    reply: productView,
    async handle(call, { body }) {
      const { number, modules, ...plain } = body
      const { product } = await call.services.products.create(call.scope, {
        ...plain,
        ...(number !== undefined && { serial: number }),
        ...(modules && { modules: modules.map(moduleInput) }),
      })
      return viewProduct(call, product)
    },
  }),

  organisationRoute('viewer', {
    id: 'products.show',
    method: 'GET',
    path: '/products/:product',
    summary: 'One product',
    reply: productView,
    handle: async (call, { params }) =>
      viewProduct(call, await findProduct(call.stores, call.organisation.serial, params.product)),
  }),

  organisationRoute('operator', {
    id: 'products.change',
    method: 'PATCH',
    path: '/products/:product',
    summary: 'Change name, distribution, downgrades or vendor names',
    conditional: true,
    body: z.strictObject({
      name: nameField.exactOptional(),
      distribution: distributionField.exactOptional(),
      downgrades: downgradesField.exactOptional(),
      aliases: labelsPatch.exactOptional(),
    }),
    reply: productView,
    async handle(call, { params, body }) {
      const before = await findProduct(call.stores, call.organisation.serial, params.product)
      const { aliases, ...plain } = body
      const patch: ProductPatch = { ...plain, ...(aliases && { aliases: mergeLabels(before.aliases, aliases) }) }
      return viewProduct(call, await call.services.products.update(call.scope, before.id, patch, call.ifRevision))
    },
  }),

  organisationRoute('operator', {
    id: 'products.delete',
    method: 'DELETE',
    path: '/products/:product',
    summary: 'Delete a product to which no device, firmware or release refers',
    handle: (call, { params }) => call.services.products.delete(call.scope, params.product),
  }),

  organisationRoute('viewer', {
    id: 'products.modules',
    method: 'GET',
    path: '/products/:product/modules',
    summary: 'Modules of a product, the primary one first',
    reply: z.strictObject({ items: z.array(moduleView) }),
    async handle(call, { params }) {
      const product = await findProduct(call.stores, call.organisation.serial, params.product)
      return { items: (await call.stores.modules.listByProduct(product.serial)).map(viewModule) }
    },
  }),

  organisationRoute('operator', {
    id: 'products.create-module',
    method: 'POST',
    path: '/products/:product/modules',
    summary: 'Add a module to a product',
    creates: true,
    body: z.strictObject(moduleFields),
    reply: moduleView,
    handle: async (call, { params, body }) =>
      viewModule(await call.services.products.addModule(call.scope, params.product, moduleInput(body))),
  }),

  organisationRoute('viewer', {
    id: 'products.show-module',
    method: 'GET',
    path: '/products/:product/modules/:module',
    summary: 'One module',
    reply: moduleView,
    async handle(call, { params }) {
      const product = await findProduct(call.stores, call.organisation.serial, params.product)
      return viewModule(await findModule(call.stores, product.serial, params.module))
    },
  }),

  organisationRoute('operator', {
    id: 'products.change-module',
    method: 'PATCH',
    path: '/products/:product/modules/:module',
    summary: 'Change the name of a module',
    conditional: true,
    body: z.strictObject({ name: nameField }),
    reply: moduleView,
    async handle(call, { params, body }) {
      const { product, module } = params
      return viewModule(
        await call.services.products.updateModule(call.scope, { product, module }, body, call.ifRevision),
      )
    },
  }),

  organisationRoute('operator', {
    id: 'products.delete-module',
    method: 'DELETE',
    path: '/products/:product/modules/:module',
    summary: 'Delete a module to which nothing refers; never the primary one',
    handle: (call, { params }) => call.services.products.deleteModule(call.scope, params.product, params.module),
  }),
]

function moduleInput({ number, ...input }: z.output<z.ZodObject<typeof moduleFields>>) {
  return { ...input, ...(number !== undefined && { serial: number }) }
}

function viewModule(row: Module) {
  const { serial: number, key, name, isPrimary } = row
  return { ...entity(row), number, key, name, isPrimary }
}

async function viewProduct(call: OrganisationCall, row: Product) {
  const { serial: number, key, name, distribution, downgrades, aliases } = row
  const modules = (await call.references.modulesOf(row.serial)).map(viewModule)
  return { ...entity(row), number, key, name, distribution, downgrades, aliases, modules }
}
