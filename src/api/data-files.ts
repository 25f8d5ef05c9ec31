import { z } from 'zod'
import type { BlobSpan } from '../core/blobs.ts'
import type { DataFile } from '../core/data-file/data-file.ts'
import { findDevice } from '../core/device/device-service.ts'
import { notFound } from '../core/errors.ts'
import { sendArtifact } from '../protocols/http/send-artifact.ts'
import { entity, entityView, given, referenceField, referenceView, timeOrNull, timeView } from './fields.ts'
import { filePolicy } from './file-policy.ts'
import { page, pageOf, pageQuery } from './paging.ts'
import { type OrganisationCall, organisationRoute, SENT } from './route.ts'

const dataFileView = z
  .strictObject({
    ...entityView,
    device: referenceView.nullable(),
    module: z.string().nullable(),
    type: z.string(),
    size: z.int().describe('Bytes; 0 until uploaded'),
    sha256: z.string().nullable(),
    uploadedAt: timeView.nullable(),
  })
  .meta({ id: 'DataFile' })

export const dataFileRoutes = [
  organisationRoute('viewer', {
    id: 'data-files.list',
    method: 'GET',
    path: '/data-files',
    summary: 'Files that devices sent, newest first',
    query: { ...pageQuery, device: referenceField.optional(), type: z.string().max(64).optional() },
    reply: pageOf(dataFileView),
    async handle(call, { query }) {
      const { stores, organisation } = call
      const { device, type, limit, cursor } = query
      const serial = device && (await findDevice(stores, organisation.serial, device)).serial
      const filter = {
        organisation: organisation.serial,
        ...(serial && { device: serial }),
        ...given({ type }),
      }
      return page({
        query: { limit, cursor },
        order: 'desc',
        list: (slice) => stores.dataFiles.list(filter, slice),
        view: (row) => viewDataFile(call, row),
      })
    },
  }),

  organisationRoute('viewer', {
    id: 'data-files.show',
    method: 'GET',
    path: '/data-files/:dataFile',
    summary: 'One data file',
    reply: dataFileView,
    handle: async (call, { params }) =>
      viewDataFile(call, await call.services.dataFiles.get(call.organisation.serial, params.dataFile)),
  }),

  organisationRoute('viewer', {
    id: 'data-files.download',
    method: 'GET',
    path: '/data-files/:dataFile/content',
    summary: 'The content, with ETag and ranges',
    mode: 'free',
    produces: 'application/octet-stream',
    async handle(call, { params }) {
      const { core, request, reply, organisation } = call
      const row = await core.dataFiles.get(organisation.serial, params.dataFile)
      const { sha256, size } = row
      if (sha256 === null) throw notFound('content of data file', params.dataFile)
      const artifact = { sha256, size, sha1: '', md5: '' }
      const open = (likely: BlobSpan | null) => core.deps.blobs.open(sha256, size, likely)
      const { downloads } = call.context.host
      const policy = filePolicy(call, `${row.type}-${row.id}`)
      await sendArtifact(request, reply, { artifact, policy, downloads, open })
      return SENT
    },
  }),

  organisationRoute('operator', {
    id: 'data-files.delete',
    method: 'DELETE',
    path: '/data-files/:dataFile',
    summary: 'Delete a data file',
    handle: (call, { params }) => call.services.dataFiles.delete(call.scope, params.dataFile),
  }),
]

async function viewDataFile({ references }: OrganisationCall, row: DataFile) {
  const { type, size, sha256 } = row
  return {
    ...entity(row),
    device: await references.device(row.device),
    module: (await references.module(row.module))?.key ?? null,
    type,
    size,
    sha256,
    uploadedAt: timeOrNull(row.uploadedAt),
  }
}
