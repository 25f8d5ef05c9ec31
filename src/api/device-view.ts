import { z } from 'zod'
import type { Device, RunningVersion } from '../core/device/device.ts'
import type { DeviceFilter } from '../core/device/device-store.ts'
import { entity, entityView, referenceView, time, timeOrNull, timeView } from './fields.ts'
import { type Page, type PageQuery, page } from './paging.ts'
import type { OrganisationCall } from './route.ts'

const runningView = z.strictObject({
  version: z.string(),
  previousVersion: z.string().nullable(),
  reportedAt: timeView,
})

export const deviceView = z
  .strictObject({
    ...entityView,
    number: z.int().describe("The number that a vendor's wire shows"),
    key: z.string(),
    name: z.string(),
    product: referenceView.nullable(),
    group: referenceView.nullable(),
    status: z.enum(['active', 'disabled']),
    tags: z.record(z.string(), z.string()).describe('Given by operators'),
    attributes: z.record(z.string(), z.string()).describe('Reported by the device'),
    aliases: z.record(z.string(), z.string()).describe("Vendor's names, by slot"),
    running: z.record(z.string(), runningView).describe('What each module runs, by key, as last reported'),
    lastSeenAt: timeView.nullable().describe('At most a minute late'),
  })
  .meta({ id: 'Device' })

export type DeviceView = z.output<typeof deviceView>

/** One page of devices with what they run. */
export async function pageOfDevices(
  call: OrganisationCall,
  query: PageQuery,
  filter: DeviceFilter,
): Promise<Page<DeviceView>> {
  const rows = await page<Device, Device>({
    query: { limit: query.limit, cursor: query.cursor },
    list: (slice) => call.stores.devices.list(filter, slice),
    view: (row) => row,
  })
  return { ...rows, items: await viewDevices(call, rows.items) }
}

export async function viewDevice(call: OrganisationCall, row: Device): Promise<DeviceView> {
  const running = await call.stores.running.listByDevice(row.serial)
  return view(call, row, running)
}

async function viewDevices(call: OrganisationCall, rows: readonly Device[]): Promise<DeviceView[]> {
  const running = await call.stores.running.listByDevices(rows.map((row) => row.serial))
  const byDevice = Map.groupBy(running, (one) => one.device)
  return Promise.all(rows.map((row) => view(call, row, byDevice.get(row.serial) ?? [])))
}

async function view(
  { references }: OrganisationCall,
  row: Device,
  running: readonly RunningVersion[],
): Promise<DeviceView> {
  const { serial: number, key, name, status, tags, attributes, aliases } = row
  const versions: DeviceView['running'] = {}
  for (const { module, version, previousVersion, reportedAt } of running) {
    const reference = await references.module(module)
    if (reference) versions[reference.key] = { version, previousVersion, reportedAt: time(reportedAt) }
  }
  return {
    ...entity(row),
    number,
    key,
    name,
    product: await references.product(row.product),
    group: await references.group(row.group),
    status,
    tags: { ...tags },
    attributes: { ...attributes },
    aliases: { ...aliases },
    running: versions,
    lastSeenAt: timeOrNull(row.lastSeenAt),
  }
}
