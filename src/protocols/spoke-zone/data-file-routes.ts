import type { FastifyInstance } from 'fastify'
import type { StagedBlob } from '../../core/blobs.ts'
import type { Core } from '../../core/create-core.ts'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import { isOtaError } from '../../core/errors.ts'
import { acceptMultipart, spoolForm } from '../http/multipart-spool.ts'
import type { Auth } from './auth.ts'
import { fieldErrors, invalidField, missingField, noSuch } from './errors.ts'
import { parseDataFileRequest } from './schema.ts'
import { parseId } from './translate.ts'

const PATH = '/api/v2/data-files'

/** Logs and traces that devices send: announced first, then uploaded. [spoke-zone 3.G] */
export async function routeDataFiles(scope: FastifyInstance, core: Core, auth: Auth): Promise<void> {
  await scope.register(async (dataFiles) => {
    // The caller is checked before a body is read, and asked for once more when there is one to act on.
    dataFiles.addHook('onRequest', async (request) => {
      await auth.device(request)
    })
    routeAnnouncement(dataFiles, core, auth)
    await dataFiles.register(async (uploads) => {
      await acceptMultipart(uploads)
      routeUpload(uploads, core, auth)
    })
  })
}

function routeAnnouncement(scope: FastifyInstance, core: Core, auth: Auth): void {
  scope.post(PATH, async (request, reply) => {
    const facts = await auth.device(request)
    const { type, moduleKey, moduleField } = parseDataFileRequest(request.body)
    if (moduleKey !== undefined && !facts.modules.some((module) => module.key === moduleKey))
      throw fieldErrors([invalidField(moduleField, `${moduleField} is no module of the product.`)])
    const file = await core.dataFiles.announce(facts, { type, ...(moduleKey !== undefined && { moduleKey }) })
    return reply.send({ id: file.serial }) // Quirk: 200 and not 201, for the SDK (row 42).
  })
}

function routeUpload(scope: FastifyInstance, core: Core, auth: Auth): void {
  const { blobs, limits } = core.deps
  scope.post<{ Params: { id: string } }>(`${PATH}/:id/file`, async (request, reply) => {
    const facts = await auth.device(request)
    const serial = await findOwn(core, facts, request.params.id)
    const form = await spoolForm(request, {
      files: ['files'],
      stage: (part) => blobs.stage(part.bytes, { maxBytes: limits.dataFileBytes }),
    })
    try {
      const staged = form.files.get('files')?.blob
      checkUpload(staged)
      await core.dataFiles.store(facts, serial, staged)
    } finally {
      await form.discardAll()
    }
    return reply.send({ path: `data-files/${serial}` })
  })
}

/** Known before a byte of the body is taken; another device's file does not exist. */
async function findOwn(core: Core, facts: DeviceFacts, id: string): Promise<number> {
  const serial = parseId(id)
  if (serial === undefined) throw noSuch('data-file', id)
  try {
    await core.dataFiles.ofDevice(facts, serial)
    return serial
  } catch (error) {
    throw isOtaError(error, 'not-found') ? noSuch('data-file', id) : error
  }
}

function checkUpload(staged: StagedBlob | undefined): asserts staged is StagedBlob {
  if (!staged) throw fieldErrors([missingField('files')])
  if (staged.digests.size === 0) throw fieldErrors([invalidField('files', 'File is empty')])
}
