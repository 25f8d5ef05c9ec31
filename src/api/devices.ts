import { z } from 'zod'
import type { Device } from '../core/device/device.ts'
import { type DevicePatch, findDevice } from '../core/device/device-service.ts'
import type { DeviceFilter } from '../core/device/device-store.ts'
import { findGroup } from '../core/device/group-service.ts'
import { parseFilter } from '../core/filter/parse-filter.ts'
import { findProduct } from '../core/product/product-service.ts'
import { CONFIRMATION, confirmQuery, confirmStarts } from './confirm-starts.ts'
import { credentialsSchema, readCredentials } from './credential-schemes.ts'
import { deviceView, pageOfDevices, viewDevice } from './device-view.ts'
import {
  aliasesField,
  idField,
  keyField,
  labelsField,
  labelsPatch,
  mergeLabels,
  nameField,
  numberField,
  referenceField,
} from './fields.ts'
import { pageOf, pageQuery } from './paging.ts'
import { type OrganisationCall, organisationRoute } from './route.ts'

export const deviceFilters = {
  product: referenceField.optional(),
  group: referenceField.optional(),
  status: z.enum(['active', 'disabled']).optional(),
  search: z.string().max(200).optional().describe('Part of key or name'),
  filter: z
    .string()
    .optional()
    .describe('In the filter language (docs/filters.md): tag.site = "graz" and not group exists'),
}

/** A new device; the shape of a line of an import too. */
export const deviceBody = z.strictObject({
  key: keyField.exactOptional().describe('The id unless given'),
  name: nameField.exactOptional(),
  id: idField.exactOptional(),
  number: numberField.exactOptional(),
  product: referenceField.nullable().exactOptional().describe("Absent: the organisation's default product"),
  group: referenceField.nullable().exactOptional(),
  status: z.enum(['active', 'disabled']).exactOptional(),
  tags: labelsField.exactOptional(),
  attributes: labelsField.exactOptional(),
  aliases: aliasesField.exactOptional(),
  credentials: credentialsSchema.exactOptional(),
})

export const deviceRoutes = [
  organisationRoute('viewer', {
    id: 'devices.list',
    method: 'GET',
    path: '/devices',
    summary: 'Devices, in the order in which they were made',
    query: { ...pageQuery, ...deviceFilters },
    reply: pageOf(deviceView),
    handle: async (call, { query }) => pageOfDevices(call, query, await deviceFilter(call, query)),
  }),

  organisationRoute('operator', {
    id: 'devices.create',
    method: 'POST',
    path: '/devices',
    summary: 'Make a device with its credentials; secrets that are made up are shown this once',
    creates: true,
    body: deviceBody,
    reply: z.strictObject({
      ...deviceView.shape,
      secrets: z
        .record(z.string(), z.record(z.string(), z.string()))
        .describe('Made up by the server: scheme -> member -> text'),
    }),
    async handle(call, { body }) {
      const { services, scope, core } = call
      const { number, product, group, status, credentials, aliases, ...plain } = body
      const read = readCredentials(credentials ?? {}, core.deps.ids)
      const serial = number ?? read.number
      const made = await services.devices.create(scope, {
        ...plain,
        ...(product !== undefined && { product: await productSerial(call, product) }),
        ...(group !== undefined && { group: await groupSerial(call, group) }),
        ...(serial !== undefined && { serial }),
        aliases: { ...aliases, ...read.aliases },
        credentials: read.credentials,
      })
      const device = status === 'disabled' ? await services.devices.update(scope, made.id, { status }) : made
      return { ...(await viewDevice(call, device)), secrets: read.generated }
    },
  }),

  organisationRoute('viewer', {
    id: 'devices.show',
    method: 'GET',
    path: '/devices/:device',
    summary: 'One device',
    reply: deviceView,
    handle: async (call, { params }) =>
      viewDevice(call, await findDevice(call.stores, call.organisation.serial, params.device)),
  }),

  organisationRoute('operator', {
    id: 'devices.change',
    method: 'PATCH',
    path: '/devices/:device',
    summary: 'Change name, product, group, status, tags, attributes or vendor names',
    description: `\`tags\`, \`attributes\` and \`aliases\` are merged; null removes an entry. ${CONFIRMATION}`,
    conditional: true,
    query: confirmQuery,
    body: z.strictObject({
      name: nameField.exactOptional(),
      product: referenceField.nullable().exactOptional(),
      group: referenceField.nullable().exactOptional(),
      status: z.enum(['active', 'disabled']).exactOptional(),
      tags: labelsPatch.exactOptional(),
      attributes: labelsPatch.exactOptional(),
      aliases: labelsPatch.exactOptional(),
    }),
    reply: deviceView,
    async handle(call, { params, query, body }) {
      const before = await findDevice(call.stores, call.organisation.serial, params.device)
      const patch = await readPatch(call, before, body)
      const what = ['devices.change', before.id, body]
      await confirmStarts(call, [{ before, after: { ...before, ...patch } }], { what, confirm: query.confirm })
      return viewDevice(call, await call.services.devices.update(call.scope, before.id, patch, call.ifRevision))
    },
  }),

  organisationRoute('operator', {
    id: 'devices.delete',
    method: 'DELETE',
    path: '/devices/:device',
    summary: 'Delete a device with its credentials, assignment and updates',
    handle: (call, { params }) => call.services.devices.delete(call.scope, params.device),
  }),
]

interface PatchBody {
  readonly name?: string
  readonly product?: string | null
  readonly group?: string | null
  readonly status?: Device['status']
  readonly tags?: Readonly<Record<string, string | null>>
  readonly attributes?: Readonly<Record<string, string | null>>
  readonly aliases?: Readonly<Record<string, string | null>>
}

async function readPatch(call: OrganisationCall, before: Device, body: PatchBody): Promise<DevicePatch> {
  const { name, product, group, status, tags, attributes, aliases } = body
  return {
    ...(name !== undefined && { name }),
    ...(status !== undefined && { status }),
    ...(product !== undefined && { product: await productSerial(call, product) }),
    ...(group !== undefined && { group: await groupSerial(call, group) }),
    ...(tags && { tags: mergeLabels(before.tags, tags) }),
    ...(attributes && { attributes: mergeLabels(before.attributes, attributes) }),
    ...(aliases && { aliases: mergeLabels(before.aliases, aliases) }),
  }
}

interface FilterQuery {
  readonly product?: string | undefined
  readonly group?: string | undefined
  readonly status?: Device['status'] | undefined
  readonly search?: string | undefined
  readonly filter?: string | undefined
}

/**
 * The filter of a list or an export. Throws `not-found` for a product or group that does not exist, `invalid` for a
 * `filter` that cannot be read. What `filter` names need not exist: it means no device then.
 */
export async function deviceFilter(call: OrganisationCall, query: FilterQuery): Promise<DeviceFilter> {
  const { product, group, status, search, filter } = query
  const { stores, organisation } = call
  return {
    organisation: organisation.serial,
    ...(product !== undefined && { product: (await findProduct(stores, organisation.serial, product)).serial }),
    ...(group !== undefined && { group: (await findGroup(stores, organisation.serial, group)).serial }),
    ...(status !== undefined && { status }),
    ...(search !== undefined && search !== '' && { search }),
    ...(filter !== undefined && { where: parseFilter(filter) }),
  }
}

async function productSerial({ stores, organisation }: OrganisationCall, reference: string | null) {
  return reference === null ? null : (await findProduct(stores, organisation.serial, reference)).serial
}

async function groupSerial({ stores, organisation }: OrganisationCall, reference: string | null) {
  return reference === null ? null : (await findGroup(stores, organisation.serial, reference)).serial
}
