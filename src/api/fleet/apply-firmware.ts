import { basename } from 'node:path'
import { invalid } from '../../core/errors.ts'
import type { Firmware } from '../../core/firmware/firmware.ts'
import { type FirmwarePatch, insertFirmware } from '../../core/firmware/firmware-service.ts'
import { findModule, findProduct } from '../../core/product/product-service.ts'
import type { ReleaseReference } from '../../core/release/release-service.ts'
import type { FleetFirmware, FleetOrganisation } from './fleet-file.ts'
import { differing, type FleetRun } from './fleet-run.ts'

type FleetRelease = NonNullable<FleetOrganisation['releases']>[number]
type FleetAssignment = NonNullable<FleetOrganisation['assignments']>[number]

/** Makes one firmware from its uploaded file, or changes its flags. The bytes of a version never change. */
export async function applyFirmware(run: FleetRun, wanted: FleetFirmware): Promise<void> {
  const { stores, scope, deps } = run
  const product = await findProduct(stores, scope.organisation, wanted.product)
  const module = await findModule(stores, product.serial, wanted.module)
  const digests = run.fileOf(wanted.file)
  if (!digests) throw invalid('file', `"${wanted.file}" was not found`)
  const what = `${run.name}/${product.key}/${module.key} ${wanted.version}`
  const existing = await stores.firmware.findByVersion(scope.organisation, module.serial, wanted.version)
  if (existing) return changeFirmware(run, { existing, wanted, sha256: digests.sha256, what })
  await insertFirmware(stores, deps, scope, {
    staged: { digests },
    input: {
      product: product.serial,
      module: module.serial,
      version: wanted.version,
      fileName: basename(wanted.file),
      // A described fleet is meant to be served: active unless the file says otherwise.
      active: wanted.active ?? true,
      ...(wanted.id !== undefined && { id: wanted.id }),
      ...(wanted.spokeZone && { serial: wanted.spokeZone.id }),
      ...(wanted.name !== undefined && { name: { default: wanted.name, locales: {} } }),
      ...(wanted.notes !== undefined && { notes: wanted.notes }),
      ...(wanted.description !== undefined && { description: wanted.description }),
      ...(wanted.tags && { tags: wanted.tags }),
      ...(wanted.signature !== undefined && { signature: wanted.signature }),
      ...(wanted.sequence !== undefined && { sequence: wanted.sequence }),
      ...(wanted.fromVersions !== undefined && { fromVersions: wanted.fromVersions }),
    },
  })
  run.changes.push({ action: 'create', kind: 'firmware', what })
}

async function changeFirmware(
  run: FleetRun,
  row: { existing: Firmware; wanted: FleetFirmware; sha256: string; what: string },
): Promise<void> {
  const { existing, wanted, what } = row
  const [artifact] = await run.stores.artifacts.listByFirmware(existing.serial)
  if (artifact?.sha256 !== row.sha256)
    throw invalid(
      'file',
      `the bytes of ${wanted.version} differ from those on the server; a new binary needs a new version`,
    )
  const patch = differing<Firmware>(existing, {
    ...(wanted.active !== undefined && { active: wanted.active }),
    ...(wanted.notes !== undefined && { notes: wanted.notes }),
    ...(wanted.description !== undefined && { description: wanted.description }),
    ...(wanted.tags && { tags: wanted.tags }),
    ...(wanted.sequence !== undefined && { sequence: wanted.sequence }),
    ...(wanted.fromVersions !== undefined && { fromVersions: wanted.fromVersions }),
  }) satisfies FirmwarePatch
  if (Object.keys(patch).length === 0) return
  await run.services.firmware.update(run.scope, existing.id, patch)
  run.changes.push({ action: 'change', kind: 'firmware', what, fields: Object.keys(patch) })
}

/** Makes one named release. A release never changes: other contents need another version. */
export async function applyRelease(run: FleetRun, wanted: FleetRelease): Promise<void> {
  const { stores, scope } = run
  const product = await findProduct(stores, scope.organisation, wanted.product)
  const existing = await stores.releases.findByVersion(scope.organisation, product.serial, wanted.version)
  if (!existing) {
    await run.services.releases.create(
      scope,
      wanted.id === undefined ? omitId(wanted) : { ...omitId(wanted), id: wanted.id },
    )
    run.changes.push({ action: 'create', kind: 'release', what: `${run.name}/${product.key} ${wanted.version}` })
    return
  }
  for (const [key, version] of Object.entries(wanted.firmware)) {
    const module = await findModule(stores, product.serial, key)
    const firmware = await stores.firmware.findByVersion(scope.organisation, module.serial, version)
    if (!firmware || !existing.firmware.includes(firmware.serial))
      throw invalid('firmware', `release ${wanted.version} exists with other contents; a release never changes`)
  }
}

function omitId({ product, version, firmware }: FleetRelease) {
  return { product, version, firmware }
}

/** Pins one release to a device or group, unless it is pinned already. */
export async function applyAssignment(run: FleetRun, wanted: FleetAssignment): Promise<void> {
  const { stores, scope, services } = run
  const device = wanted.device && (await services.devices.get(scope.organisation, wanted.device))
  const group = wanted.group && (await services.groups.get(scope.organisation, wanted.group))
  const product = wanted.product ?? (await productOf(run, device ? device.product : null))
  if (product === undefined)
    throw invalid('product', 'must be named: the target is a group or a device without a product')
  const before = device
    ? await stores.assignments.findByDevice(device.serial)
    : group && (await stores.assignments.findByGroup(group.serial))
  if (before && (await isPinned(run, before.release, { wanted, product }))) return
  const target = device ? { device: device.id } : { group: group ? group.id : '' }
  const { warnings } = await services.assignments.assign(scope, target, reference(wanted, product))
  run.warnings.push(...warnings)
  const name = `${run.name}/${wanted.device ?? wanted.group} ${wanted.version ?? wanted.release}`
  run.changes.push({ action: before ? 'change' : 'create', kind: 'assignment', what: name })
}

function reference(wanted: FleetAssignment, product: string): ReleaseReference {
  if (wanted.release !== undefined) return { release: wanted.release, product }
  return { product, version: wanted.version ?? '', ...(wanted.module !== undefined && { module: wanted.module }) }
}

async function productOf(run: FleetRun, serial: number | null): Promise<string | undefined> {
  return serial === null ? undefined : (await run.stores.products.find(serial))?.key
}

async function isPinned(
  run: FleetRun,
  pinned: number,
  what: { wanted: FleetAssignment; product: string },
): Promise<boolean> {
  const { stores, scope } = run
  const release = await stores.releases.find(pinned)
  const product = await findProduct(stores, scope.organisation, what.product)
  if (!release) return false
  if (what.wanted.release !== undefined)
    return !release.isSilent && release.product === product.serial && release.version === what.wanted.release
  const module = await findModule(stores, product.serial, what.wanted.module)
  const firmware = await stores.firmware.findByVersion(scope.organisation, module.serial, what.wanted.version ?? '')
  return firmware !== undefined && release.isSilent && release.firmware.includes(firmware.serial)
}
