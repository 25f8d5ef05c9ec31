import { findModule, findProduct } from '../../core/product/product-service.ts'
import type { FleetOrganisation } from './fleet-file.ts'
import type { FleetRun } from './fleet-run.ts'

type FleetFloor = NonNullable<FleetOrganisation['floors']>[number]

/** Makes one floor, or changes its reason. */
export async function applyFloor(run: FleetRun, wanted: FleetFloor): Promise<void> {
  const { stores, services, scope } = run
  const product = await findProduct(stores, scope.organisation, wanted.product)
  const module = await findModule(stores, product.serial, wanted.module)
  const what = `${run.name}/${product.key}/${module.key} ${wanted.version}`
  const firmware = await stores.firmware.findByVersion(scope.organisation, module.serial, wanted.version)
  const existing = firmware && (await stores.floors.findByFirmware(firmware.serial))
  if (!existing) {
    const { warnings } = await services.floors.create(scope, {
      product: product.key,
      firmware: { module: module.key, version: wanted.version },
      reason: wanted.reason,
      ...(wanted.id !== undefined && { id: wanted.id }),
    })
    run.warnings.push(...warnings)
    run.changes.push({ action: 'create', kind: 'floor', what })
  } else if (existing.reason !== wanted.reason) {
    await services.floors.update(scope, existing.id, { reason: wanted.reason })
    run.changes.push({ action: 'change', kind: 'floor', what, fields: ['reason'] })
  }
}
