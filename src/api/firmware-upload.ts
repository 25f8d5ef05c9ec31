import { z } from 'zod'
import type { StagedBlob } from '../core/blobs.ts'
import { invalid, OtaError } from '../core/errors.ts'
import { type FirmwareInput, requirePlace } from '../core/firmware/firmware-service.ts'
import { keepBlob } from '../core/firmware/keep-blob.ts'
import { findModule, findProduct } from '../core/product/product-service.ts'
import { freeChunks } from '../protocols/http/free-chunks.ts'
import { spoolForm } from '../protocols/http/multipart-spool.ts'
import { rawBody } from '../protocols/http/request-body.ts'
import { flagQuery, fromVersionsField, idField, keyField, nameField, referenceField, versionField } from './fields.ts'
import { firmwareView, viewFirmware } from './firmware-view.ts'
import { type OrganisationCall, organisationRoute } from './route.ts'
import { createOnce } from './run-route.ts'

/** What is said of an upload: in the query, or for a form in its fields, which win. */
const uploadFields = {
  product: referenceField.optional(),
  module: keyField.optional().describe('Key; the primary module unless given'),
  version: versionField.optional(),
  fileName: z.string().max(255).optional().describe('Of the file; for a form its own name unless given'),
  id: idField.optional(),
  number: z.coerce.number().int().positive().optional(),
  active: flagQuery.optional().describe('Show it in the catalogue at once; default false'),
  name: nameField.optional(),
  description: z.string().max(512).optional(),
  notes: z.string().max(20_000).optional(),
  tags: z.string().max(20_000).optional().describe('A JSON object of texts'),
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/)
    .optional()
    .describe('Refused when the bytes differ'),
  md5: z
    .string()
    .regex(/^[0-9a-fA-F]{32}$/)
    .optional()
    .describe('Refused when the bytes differ'),
  sequence: z
    .string()
    .regex(/^\d{1,16}$/, 'must be a whole number, 0 or more')
    .transform(Number)
    .optional()
    .describe("Whole number: place in the explicit order of the module's versions, for those that are no SemVer"),
  fromVersions: fromVersionsField.optional(),
  signature: z.base64().max(8192).optional().describe('Passed on to devices that ask'),
  releasedAt: z.iso.datetime({ offset: true }).optional(),
}

const fieldsSchema = z.object(uploadFields)
type UploadFields = z.output<typeof fieldsSchema>

interface Upload {
  readonly staged: StagedBlob
  readonly fields: UploadFields
  readonly fileName: string
}

export const firmwareUploadRoutes = [
  organisationRoute('operator', {
    id: 'firmware.create',
    method: 'POST',
    path: '/firmware',
    summary: 'Upload a firmware',
    description:
      'The body is the file itself, with everything about it in the query, or a form with the file in `file` and everything else in fields (any order). Both stream; nothing is stored of an upload that is refused.',
    mode: 'free',
    creates: true,
    input: 'raw',
    consumes: ['application/octet-stream', 'multipart/form-data'],
    query: uploadFields,
    reply: firmwareView,
    async handle(call, { query }) {
      const upload = isForm(call) ? await receiveForm(call, query) : await receiveRaw(call, query)
      const { staged } = upload
      try {
        const content = JSON.stringify([upload.fields, staged.digests.sha256])
        const input = await readInput(call, upload)
        await keepBlob(call.core.deps, staged)
        const work = async (within: OrganisationCall) =>
          viewFirmware(within, await within.services.firmware.create(within.scope, input, staged))
        return await createOnce(call, { content, status: 201, work })
      } finally {
        await staged.discard()
      }
    },
  }),
]

function isForm({ request }: OrganisationCall): boolean {
  return /^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '')
}

function maxBytes({ core, context }: OrganisationCall): number {
  return Math.min(core.deps.limits.firmwareBytes, context.host.limits.firmwareBytes)
}

async function receiveRaw(call: OrganisationCall, fields: UploadFields): Promise<Upload> {
  const { core, request, context } = call
  await resolve(call, fields)
  const { bodyIdleTimeoutMs: idleTimeoutMs } = context.host.limits
  const source = freeChunks(rawBody(request.raw, { maxBytes: maxBytes(call), idleTimeoutMs }))
  const staged = await core.deps.blobs.stage(source, { maxBytes: maxBytes(call) })
  return { staged, fields, fileName: fields.fileName ?? `${fields.version ?? 'firmware'}.bin` }
}

async function receiveForm(call: OrganisationCall, query: UploadFields): Promise<Upload> {
  const { core, request, context } = call
  const form = await spoolForm(request, {
    files: ['file'],
    idleTimeoutMs: context.host.limits.bodyIdleTimeoutMs,
    stage: (part) => core.deps.blobs.stage(part.bytes, { maxBytes: maxBytes(call) }),
  })
  const file = form.files.get('file')
  if (!file) throw new OtaError('missing', 'The form has no file part named "file".', { details: { field: 'file' } })
  try {
    const parsed = z.strictObject(uploadFields).safeParse(Object.fromEntries(form.fields))
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      throw invalid(issue?.path.join('.') || 'form', issue?.message ?? 'is invalid')
    }
    const given = Object.entries(parsed.data).filter(([, value]) => value !== undefined)
    const fields: UploadFields = { ...query, ...Object.fromEntries(given) }
    return { staged: file.blob, fields, fileName: fields.fileName ?? (file.filename || 'firmware.bin') }
  } catch (error) {
    await form.discardAll()
    throw error
  }
}

/** Product and module of the upload; for a raw body before its bytes are taken. */
async function resolve({ stores, organisation }: OrganisationCall, fields: UploadFields) {
  const { product, version } = fields
  if (product === undefined) throw new OtaError('missing', 'product is needed', { details: { field: 'product' } })
  if (version === undefined) throw new OtaError('missing', 'version is needed', { details: { field: 'version' } })
  const found = await findProduct(stores, organisation.serial, product)
  const module = await findModule(stores, found.serial, fields.module)
  return { product: found.serial, module: module.serial, version }
}

/** Everything that can be refused before the bytes are kept. */
async function readInput(call: OrganisationCall, upload: Upload): Promise<FirmwareInput> {
  const { fields, staged, fileName } = upload
  const { id, number, active, name, description, notes, tags, signature, releasedAt } = fields
  const { sequence, fromVersions } = fields
  if (staged.digests.size === 0) throw invalid('file', 'is empty')
  checkDigest(fields, staged)
  requirePlace(fields)
  return {
    ...(await resolve(call, fields)),
    fileName,
    ...(id !== undefined && { id }),
    ...(number !== undefined && { serial: number }),
    ...(active !== undefined && { active }),
    ...(name !== undefined && { name: { default: name, locales: {} } }),
    ...(description !== undefined && { description }),
    ...(notes !== undefined && { notes }),
    ...(tags !== undefined && { tags: readTags(tags) }),
    ...(sequence !== undefined && { sequence }),
    ...(fromVersions !== undefined && { fromVersions }),
    ...(signature !== undefined && { signature }),
    ...(releasedAt !== undefined && { releasedAt: Date.parse(releasedAt) }),
  }
}

function checkDigest(fields: UploadFields, staged: StagedBlob): void {
  for (const method of ['sha256', 'md5'] as const) {
    const declared = fields[method]
    if (declared !== undefined && declared.toLowerCase() !== staged.digests[method])
      throw invalid(method, 'is not the digest of the file')
  }
}

function readTags(text: string): Record<string, string> {
  try {
    return z.record(z.string(), z.string()).parse(JSON.parse(text))
  } catch {
    throw invalid('tags', 'must be a JSON object of texts')
  }
}
