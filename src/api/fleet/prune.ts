import type { Entity, Slice } from '../../core/common.ts'
import { leavingChanges } from '../confirm-starts.ts'
import { pruneRollouts } from './apply-rollouts.ts'
import type { FleetOrganisation } from './fleet-file.ts'
import type { FleetRun } from './fleet-run.ts'

const PAGE = 500

/**
 * Deletes what the file does not name, in the sections that the file has; a section that is absent is left alone.
 * Things in use refuse to go, and then nothing is applied.
 */
export async function prune(run: FleetRun, wanted: FleetOrganisation): Promise<void> {
  const { stores, services, scope } = run
  const { organisation } = scope
  const gone = (kind: string, what: string) => run.changes.push({ action: 'delete', kind, what: `${run.name}/${what}` })

  if (wanted.rollouts) {
    const keep = new Set(wanted.rollouts.map((one) => one.key))
    const gone = []
    for await (const row of all((slice) => stores.rollouts.list({ organisation }, slice)))
      if (!keep.has(row.key)) gone.push(row)
    await pruneRollouts(run, gone)
  }
  if (wanted.assignments) {
    const devices = new Set(wanted.assignments.map((one) => one.device))
    const groups = new Set(wanted.assignments.map((one) => one.group))
    for await (const row of all((slice) => stores.assignments.list({ organisation }, slice))) {
      const device = row.device === null ? undefined : (await stores.devices.find(row.device))?.key
      const group = row.group === null ? undefined : (await stores.groups.find(row.group))?.key
      if ((device && devices.has(device)) || (group && groups.has(group))) continue
      await services.assignments.remove(scope, row.id)
      gone('assignment', device ?? group ?? row.id)
    }
  }
  if (wanted.devices) {
    const keep = new Set(wanted.devices.map((one) => one.key))
    for await (const row of all((slice) => stores.devices.list({ organisation }, slice))) {
      if (keep.has(row.key)) continue
      await services.devices.delete(scope, row.id)
      gone('device', row.key)
    }
  }
  if (wanted.groups) {
    const keep = new Set(wanted.groups.map((one) => one.key))
    for await (const row of all((slice) => stores.groups.list({ organisation }, slice))) {
      if (keep.has(row.key)) continue
      run.deviceChanges.push(...(await leavingChanges(stores, row)).changes)
      await services.groups.delete(scope, row.id)
      gone('group', row.key)
    }
  }
  await pruneCatalogue(run, wanted, gone)
  if (wanted.accessKeys) {
    const keep = new Set(wanted.accessKeys.map((one) => one.key))
    for await (const row of all((slice) => stores.accessKeys.list(organisation, slice))) {
      if (keep.has(row.key)) continue
      await services.accessKeys.delete(scope, row.id)
      gone('access-key', row.key)
    }
  }
}

async function pruneCatalogue(
  run: FleetRun,
  wanted: FleetOrganisation,
  gone: (kind: string, what: string) => unknown,
): Promise<void> {
  const { stores, services, scope } = run
  const { organisation } = scope
  const productKeys = new Map<number, string>()
  for await (const row of all((slice) => stores.products.list(organisation, slice)))
    productKeys.set(row.serial, row.key)
  const productOf = (serial: number | null) => (serial === null ? '' : (productKeys.get(serial) ?? ''))

  if (wanted.floors) await pruneFloors(run, { floors: wanted.floors, productKeys, gone })
  if (wanted.releases) {
    const keep = new Set(wanted.releases.map((one) => `${one.product} ${one.version}`))
    for await (const row of all((slice) => stores.releases.list({ organisation }, slice))) {
      if (keep.has(`${productOf(row.product)} ${row.version}`)) continue
      await services.releases.delete(scope, row.id)
      gone('release', `${productOf(row.product)} ${row.version}`)
    }
  }
  if (wanted.firmware) {
    const keep = new Set(wanted.firmware.map((one) => `${one.product}/${one.module ?? ''} ${one.version}`))
    for await (const row of all((slice) => stores.firmware.list({ organisation, scope: 'library' }, slice))) {
      const module = row.module === null ? undefined : await stores.modules.find(row.module)
      const names = [module?.key ?? '', ...(module?.isPrimary ? [''] : [])]
      if (names.some((name) => keep.has(`${productOf(row.product)}/${name} ${row.version}`))) continue
      await services.firmware.delete(scope, row.id)
      gone('firmware', `${productOf(row.product)}/${module?.key ?? ''} ${row.version}`)
    }
  }
  if (wanted.products) {
    const keep = new Set(wanted.products.map((one) => one.key))
    for (const key of productKeys.values()) {
      if (keep.has(key)) continue
      await services.products.delete(scope, key)
      gone('product', key)
    }
  }
}

async function pruneFloors(
  { stores, services, scope }: FleetRun,
  what: {
    floors: NonNullable<FleetOrganisation['floors']>
    productKeys: ReadonlyMap<number, string>
    gone: (kind: string, what: string) => unknown
  },
): Promise<void> {
  const keep = new Set(what.floors.map((one) => `${one.product}/${one.module ?? ''} ${one.version}`))
  for (const [product, key] of what.productKeys)
    for (const row of await stores.floors.listByProduct(product)) {
      const module = await stores.modules.find(row.module)
      const version = (await stores.firmware.find(row.firmware))?.version ?? ''
      const names = [module?.key ?? '', ...(module?.isPrimary ? [''] : [])]
      if (names.some((name) => keep.has(`${key}/${name} ${version}`))) continue
      await services.floors.delete(scope, row.id)
      what.gone('floor', `${key}/${module?.key ?? ''} ${version}`)
    }
}

/** Every row, page by page; rows may be deleted while it goes. */
async function* all<T extends Entity>(page: (slice: Slice) => Promise<T[]>): AsyncGenerator<T> {
  for (let after = 0; ; ) {
    const rows = await page({ limit: PAGE, after })
    yield* rows
    const last = rows.at(-1)
    if (!last || rows.length < PAGE) return
    after = last.serial
  }
}
