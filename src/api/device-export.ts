import { Readable } from 'node:stream'
import { stringify } from 'csv-stringify'
import { z } from 'zod'
import type { Credential, Device } from '../core/device/device.ts'
import { recordFor } from '../core/service.ts'
import { SCHEMES, type SchemeField } from './credential-schemes.ts'
import { deviceFilter, deviceFilters } from './devices.ts'
import { flagQuery } from './fields.ts'
import { type OrganisationCall, organisationRoute, SENT } from './route.ts'

/** Devices read at once. */
const BATCH = 500

const COLUMNS = [
  'key',
  'name',
  'id',
  'number',
  'product',
  'group',
  'status',
  'tags',
  'attributes',
  'aliases',
  'iotaap.token',
  'spokeZone.cpuId',
  'spokeZone.uuid',
  'enos.deviceKey',
  'enos.assetId',
  'enos.secret',
  'hawkbit.controllerId',
  'hawkbit.targetToken',
]

export const deviceExportRoutes = [
  organisationRoute('owner', {
    id: 'devices.export',
    method: 'GET',
    path: '/devices/export',
    summary: 'All devices with their secrets, streamed in the shape that the import takes',
    description:
      'Secrets are in clear where they are kept readable; native tokens are not. Leaves an event. A device that changes meanwhile is told as it was or as it is.',
    mode: 'free',
    produces: 'application/x-ndjson text/csv',
    query: {
      ...deviceFilters,
      format: z.enum(['ndjson', 'csv']).default('ndjson'),
      secrets: flagQuery.default(true),
    },
    async handle(call, { query }) {
      const { core, scope, organisation, reply } = call
      const filter = await deviceFilter(call, query)
      await core.deps.storage.transaction((stores) =>
        recordFor(stores, core.deps, scope, {
          type: 'device.exported',
          subject: { kind: 'organisation', id: organisation.id },
          details: { secrets: query.secrets },
        }),
      )
      const devices = Readable.from(exported(call, { filter, secrets: query.secrets }))
      reply.header('cache-control', 'no-store')
      if (query.format === 'csv') {
        const csv = stringify({
          header: true,
          columns: COLUMNS.map((key) => ({ key: key.replaceAll('.', '/'), header: key })),
        })
        devices.on('error', (error) => csv.destroy(error))
        csv.on('close', () => devices.destroy())
        reply.type('text/csv; charset=utf-8').send(devices.map(cellsOf).pipe(csv))
      } else {
        reply.type('application/x-ndjson').send(devices.map((device) => `${JSON.stringify(device)}\n`))
      }
      return SENT
    },
  }),
]

interface ExportedDevice {
  readonly key: string
  readonly credentials: Readonly<Partial<Record<SchemeField, Readonly<Record<string, string>>>>>
  readonly [member: string]: unknown
}

async function* exported(
  call: OrganisationCall,
  what: { filter: Parameters<OrganisationCall['stores']['devices']['list']>[0]; secrets: boolean },
): AsyncGenerator<ExportedDevice> {
  const { stores } = call
  let after: number | undefined
  for (;;) {
    const rows = await stores.devices.list(what.filter, { limit: BATCH, ...(after !== undefined && { after }) })
    yield* await Promise.all(rows.map((row) => exportedDevice(call, row, what.secrets)))
    after = rows.at(-1)?.serial
    if (rows.length < BATCH) return
  }
}

async function exportedDevice(call: OrganisationCall, row: Device, secrets: boolean): Promise<ExportedDevice> {
  const { stores, references } = call
  const [credentials, product, group] = await Promise.all([
    stores.credentials.listByDevice(row.serial),
    references.product(row.product),
    references.group(row.group),
  ])
  const aliases: Record<string, string> = { ...row.aliases }
  return {
    key: row.key,
    name: row.name,
    id: row.id,
    number: row.serial,
    product: product?.key ?? null,
    group: group?.key ?? null,
    status: row.status,
    tags: row.tags,
    attributes: row.attributes,
    credentials: secrets ? readable(call, credentials, aliases) : {},
    aliases,
  }
}

/** The newest credential of each scheme, where all of it can be read; its vendor names move there from `aliases`. */
function readable(call: OrganisationCall, credentials: readonly Credential[], aliases: Record<string, string>) {
  const members: Partial<Record<SchemeField, Record<string, string>>> = {}
  for (const field of Object.keys(SCHEMES) as SchemeField[]) {
    const scheme = SCHEMES[field]
    const credential = credentials.findLast((one) => one.scheme === scheme.name && one.expiresAt === null)
    if (!credential || (scheme.secret !== undefined && credential.sealed === null)) continue
    const names: Record<string, string> = {}
    for (const [member, slot] of Object.entries(scheme.aliases)) {
      const name = aliases[slot]
      if (name === undefined) continue
      names[member] = name
      delete aliases[slot]
    }
    const secret = scheme.secret === undefined ? {} : { [scheme.secret]: call.core.credentials.reveal(credential) }
    members[field] = { ...credential.details, ...names, ...secret }
  }
  return members
}

function cellsOf(device: ExportedDevice): Record<string, unknown> {
  const { credentials, tags, attributes, aliases, ...plain } = device
  const cells: Record<string, unknown> = { ...plain }
  for (const [name, labels] of Object.entries({ tags, attributes, aliases }))
    cells[name] = Object.keys(labels ?? {}).length > 0 ? JSON.stringify(labels) : ''
  for (const [field, members] of Object.entries(credentials))
    for (const [member, value] of Object.entries(members ?? {})) cells[`${field}/${member}`] = value
  return cells
}
