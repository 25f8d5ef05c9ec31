import type { Module, Product } from '../../core/product/product.ts'
import type { FleetOrganisation } from './fleet-file.ts'
import { differing, type FleetRun } from './fleet-run.ts'

type FleetProduct = NonNullable<FleetOrganisation['products']>[number]
type FleetModule = NonNullable<FleetProduct['modules']>[number]

/** Makes or changes one product and its modules. */
export async function applyProduct(run: FleetRun, wanted: FleetProduct): Promise<void> {
  const { services, stores, scope } = run
  const existing = await stores.products.findByKey(scope.organisation, wanted.key)
  const aliases = wanted.enos && { 'enos/product-key': wanted.enos.productKey }
  if (!existing) {
    await services.products.create(scope, {
      key: wanted.key,
      ...(wanted.name !== undefined && { name: wanted.name }),
      ...(wanted.id !== undefined && { id: wanted.id }),
      ...(wanted.spokeZone && { serial: wanted.spokeZone.id }),
      ...(wanted.distribution && { distribution: wanted.distribution }),
      ...(wanted.downgrades && { downgrades: wanted.downgrades }),
      ...(aliases && { aliases }),
      modules: (wanted.modules ?? []).map(moduleInput),
    })
    run.changes.push({ action: 'create', kind: 'product', what: `${run.name}/${wanted.key}` })
    return
  }
  const patch = differing<Product>(existing, {
    ...(wanted.name !== undefined && { name: wanted.name }),
    ...(wanted.distribution && { distribution: wanted.distribution }),
    ...(wanted.downgrades && { downgrades: wanted.downgrades }),
    ...(aliases && { aliases: { ...existing.aliases, ...aliases } }),
  })
  if (Object.keys(patch).length > 0) {
    await services.products.update(scope, existing.id, patch)
    run.changes.push({
      action: 'change',
      kind: 'product',
      what: `${run.name}/${wanted.key}`,
      fields: Object.keys(patch),
    })
  }
  const modules = await stores.modules.listByProduct(existing.serial)
  for (const module of wanted.modules ?? []) await applyModule(run, { product: existing, module, modules })
}

async function applyModule(
  run: FleetRun,
  what: { product: Product; module: FleetModule; modules: readonly Module[] },
): Promise<void> {
  const { product, module } = what
  const existing = what.modules.find((one) => one.key === module.key)
  const name = `${run.name}/${product.key}/${module.key}`
  if (!existing) {
    await run.services.products.addModule(run.scope, product.id, moduleInput(module))
    run.changes.push({ action: 'create', kind: 'module', what: name })
  } else if (module.name !== undefined && module.name !== existing.name) {
    await run.stores.modules.update(existing.serial, { name: module.name })
    run.changes.push({ action: 'change', kind: 'module', what: name, fields: ['name'] })
  }
}

function moduleInput(module: FleetModule) {
  return {
    key: module.key,
    ...(module.name !== undefined && { name: module.name }),
    ...(module.id !== undefined && { id: module.id }),
    ...(module.spokeZone && { serial: module.spokeZone.id }),
  }
}
