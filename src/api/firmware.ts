import { z } from 'zod'
import { roleAllows } from '../core/account/account.ts'
import type { BlobSpan } from '../core/blobs.ts'
import type { Serial } from '../core/common.ts'
import { notFound, OtaError } from '../core/errors.ts'
import type { Firmware, FirmwareFile } from '../core/firmware/firmware.ts'
import type { FirmwarePatch } from '../core/firmware/firmware-service.ts'
import { findModule, findProduct } from '../core/product/product-service.ts'
import { sendArtifact } from '../protocols/http/send-artifact.ts'
import {
  flagQuery,
  fromVersionsField,
  given,
  idField,
  keyField,
  labelsPatch,
  mergeLabels,
  nameField,
  referenceField,
  sequenceField,
  versionField,
} from './fields.ts'
import { filePolicy } from './file-policy.ts'
import { firmwareView, viewFirmware } from './firmware-view.ts'
import { page, pageOf, pageQuery } from './paging.ts'
import { type OrganisationCall, organisationRoute, SENT } from './route.ts'

export const firmwareRoutes = [
  organisationRoute('viewer', {
    id: 'firmware.list',
    method: 'GET',
    path: '/firmware',
    summary: 'Versions in the library; private firmware shows up only where it is assigned',
    query: {
      ...pageQuery,
      product: referenceField.optional(),
      module: keyField.optional().describe('Key; needs product'),
      version: versionField.optional(),
      active: flagQuery.optional(),
      withdrawn: flagQuery.optional(),
      search: z.string().max(200).optional().describe('Part of version, name or notes'),
      order: z.enum(['asc', 'desc']).default('desc'),
    },
    reply: pageOf(firmwareView),
    async handle(call, { query }) {
      const { stores, organisation } = call
      const { product, module, limit, cursor, order, version, active, withdrawn, search } = query
      const target = await targetOf(call, { product, module })
      const filter = { ...given({ version, active, withdrawn, search }), ...target }
      const found = await page<FirmwareRow, FirmwareFile>({
        query: { limit, cursor },
        order,
        list: async (slice) => {
          const files = await stores.firmware.listFiles(
            { organisation: organisation.serial, scope: 'library', ...filter },
            slice,
          )
          return files.map((file) => ({ serial: file.firmware.serial, file }))
        },
        view: (row) => row.file,
      })
      return { ...found, items: await Promise.all(found.items.map((file) => viewFirmware(call, file))) }
    },
  }),

  organisationRoute('viewer', {
    id: 'firmware.show',
    method: 'GET',
    path: '/firmware/:firmware',
    summary: 'One firmware',
    reply: firmwareView,
    handle: async (call, { params }) => viewFirmware(call, await findFile(call, params.firmware)),
  }),

  organisationRoute('operator', {
    id: 'firmware.change',
    method: 'PATCH',
    path: '/firmware/:firmware',
    summary: 'Change flags, descriptions and the place among versions; bytes and version never change',
    description: '`tags` are merged; null removes one. `withdrawn` refuses it everywhere at once, true or false again.',
    conditional: true,
    body: z.strictObject({
      active: z.boolean().exactOptional(),
      withdrawn: z.boolean().exactOptional(),
      name: nameField.exactOptional(),
      notes: z.string().max(20_000).exactOptional(),
      description: z.string().max(512).nullable().exactOptional(),
      tags: labelsPatch.exactOptional(),
      releasedAt: z.iso.datetime({ offset: true }).nullable().exactOptional(),
      sequence: sequenceField.nullable().exactOptional(),
      fromVersions: fromVersionsField.nullable().exactOptional(),
    }),
    reply: firmwareView,
    async handle(call, { params, body }) {
      const before = await findNamed(call, params.firmware)
      const { tags, name, releasedAt, ...plain } = body
      const patch: FirmwarePatch = {
        ...plain,
        ...(tags && { tags: mergeLabels(before.tags, tags) }),
        ...(name !== undefined && { name: { ...before.name, default: name } }),
        ...(releasedAt !== undefined && { releasedAt: releasedAt === null ? null : Date.parse(releasedAt) }),
      }
      await call.services.firmware.update(call.scope, before.id, patch, call.ifRevision)
      return viewFirmware(call, await findFile(call, before.id))
    },
  }),

  organisationRoute('operator', {
    id: 'firmware.delete',
    method: 'DELETE',
    path: '/firmware/:firmware',
    summary: 'Delete a firmware to which nothing refers',
    handle: async (call, { params }) => {
      const { id } = await findNamed(call, params.firmware)
      await call.services.firmware.delete(call.scope, id)
    },
  }),

  organisationRoute('viewer', {
    id: 'firmware.download',
    method: 'GET',
    path: '/firmware/:firmware/file',
    summary: 'The file, with ETag and ranges',
    description: 'Private firmware may carry secrets of a device: for the role operator or higher.',
    mode: 'free',
    produces: 'application/octet-stream',
    async handle(call, { params }) {
      const { core, request, reply } = call
      const { firmware, artifact } = await findFile(call, params.firmware)
      if (firmware.scope === 'private' && !roleAllows(call.role, 'operator'))
        throw new OtaError('forbidden', 'Private firmware needs the role operator.')
      const open = (likely: BlobSpan | null) => core.deps.blobs.open(artifact.sha256, artifact.size, likely)
      const { downloads } = call.context.host
      await sendArtifact(request, reply, { artifact, policy: filePolicy(call, artifact.name), downloads, open })
      return SENT
    },
  }),
]

interface FirmwareRow {
  readonly serial: Serial
  readonly file: FirmwareFile
}

async function targetOf(
  { stores, organisation }: OrganisationCall,
  named: { product: string | undefined; module: string | undefined },
): Promise<{ product?: Serial; module?: Serial }> {
  if (named.product === undefined) {
    if (named.module !== undefined)
      throw new OtaError('missing', 'module needs product', { details: { field: 'product' } })
    return {}
  }
  const product = await findProduct(stores, organisation.serial, named.product)
  if (named.module === undefined) return { product: product.serial }
  return { product: product.serial, module: (await findModule(stores, product.serial, named.module)).serial }
}

const VERSION_REFERENCE = /^(?<product>[^/@]+)(?:\/(?<module>[^/@]+))?@(?<version>.+)$/

/** The firmware that a path names: by id, or as `product/module@version` (`product@version` for the primary module). */
async function findNamed({ stores, organisation }: OrganisationCall, name: string): Promise<Firmware> {
  const { product, module, version } = VERSION_REFERENCE.exec(name)?.groups ?? {}
  const { serial } = organisation
  const byId = idField.safeParse(name).success ? await stores.firmware.findById(serial, name) : undefined
  if (byId || product === undefined || version === undefined) return byId ?? missing(name)
  const { serial: owner } = await findProduct(stores, serial, product)
  const { serial: part } = await findModule(stores, owner, module)
  return (await stores.firmware.findByVersion(serial, part, version)) ?? missing(name)
}

function missing(name: string): never {
  throw notFound('firmware', name)
}

async function findFile(call: OrganisationCall, name: string): Promise<FirmwareFile> {
  const firmware = await findNamed(call, name)
  const [artifact] = await call.stores.artifacts.listByFirmware(firmware.serial)
  if (!artifact) throw new OtaError('internal', `Firmware ${firmware.id} has no artifact.`)
  return { firmware, artifact }
}
