import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { BlobSpan, OpenBlob } from '../../core/blobs.ts'
import type { Core } from '../../core/create-core.ts'
import type { DownloadTicket } from '../../core/device-gateway.ts'
import { sha256Etag } from '../http/conditions.ts'
import type { DownloadArtifact, DownloadPolicy } from '../http/download-policy.ts'
import type { Downloads } from '../http/downloads.ts'
import type { HttpLimits } from '../http/limits.ts'
import { sendArtifact } from '../http/send-artifact.ts'
import { SCHEME } from './access-token.ts'
import type { Auth, Caller } from './auth.ts'
import { noSuch, sendUnsatisfiable } from './errors.ts'
import { findDeviceFile, findUserFile } from './library.ts'
import { usesNumericIds } from './list-routes.ts'
import type { OtaFile } from './ota-file.ts'
import { fileNameOf, parseId, toWireFile, V1, V2 } from './translate.ts'

interface Parameters {
  readonly Params: { readonly id: string }
}

interface OtaArtifact extends DownloadArtifact {
  readonly fileName: string
}

/** Single files, their description and their bytes. [spoke-zone 3.B] [spoke-zone 3.C] [spoke-zone 3.E] */
export function routeFiles(
  scope: FastifyInstance,
  core: Core,
  options: { readonly auth: Auth; readonly limits: HttpLimits; readonly downloads: Downloads },
): void {
  const { auth, downloads } = options
  const policy = downloadPolicy(options.limits)

  scope.get<Parameters>(`${V2.listPath}/:id`, async (request, reply) => {
    const caller = await auth.caller(request)
    const file = await findFile(core, caller, request.params.id)
    const organisation = caller.kind === 'device' ? caller.facts.organisation : caller.organisation
    reply.header('cache-control', 'no-store')
    return reply.send(toWireFile(file, V2, usesNumericIds(organisation)))
  })

  for (const { filePath } of [V2, V1])
    scope.route<Parameters>({
      method: ['GET', 'HEAD'],
      url: filePath(':id'),
      handler: async (request, reply) => {
        const caller = await auth.caller(request)
        const file = await findFile(core, caller, request.params.id)
        if (!file.isActive) throw noSuch('ota-file', request.params.id) // [spoke-zone 4.10]
        await download(request, reply, { core, caller, file, policy, downloads })
        return reply
      },
    })
}

/** Throws the one answer for all that a caller cannot see. [spoke-zone 4.10] */
async function findFile(core: Core, caller: Caller, id: string): Promise<OtaFile> {
  const serial = parseId(id)
  if (serial === undefined) throw noSuch('ota-file', id)
  const file =
    caller.kind === 'device'
      ? await findDeviceFile(core, caller.facts, serial)
      : await findUserFile(core, caller.organisation.serial, serial)
  if (!file) throw noSuch('ota-file', id)
  return file
}

interface Download {
  readonly core: Core
  readonly caller: Caller
  readonly file: OtaFile
  readonly policy: DownloadPolicy<OtaArtifact>
  readonly downloads: Downloads
}

/** Sends the bytes. A device's update opens with the first of them and is delivered with the last; HEAD moves nothing. */
async function download(request: FastifyRequest<Parameters>, reply: FastifyReply, what: Download): Promise<void> {
  const { core, caller, file, downloads } = what
  // A device's update is delivered when the last byte has left, so that Godwit must see it leave.
  const policy = { ...what.policy, mayHandOver: caller.kind !== 'device' }
  const { sha256, sha1, md5, size } = file.artifact
  const facts = caller.kind === 'device' && request.method === 'GET' ? caller.facts : undefined
  let ticket: DownloadTicket | undefined

  async function open(likely: BlobSpan | null): Promise<OpenBlob> {
    const blob = await core.deps.blobs.open(sha256, size, likely)
    if (!facts) return blob
    try {
      ticket = await core.gateway.startCatalogueDownload(facts, file, SCHEME)
      if (!ticket) throw noSuch('ota-file', request.params.id)
      return blob
    } catch (error) {
      await blob.close()
      throw error
    }
  }

  const artifact = { sha256, sha1, md5, size, fileName: fileNameOf(file) }
  const delivery = await sendArtifact(request, reply, { artifact, policy, downloads, open })
  if (facts && ticket && delivery.kind === 'complete' && delivery.reachedEnd)
    await core.gateway.finishDownload(facts, ticket)
}

/** [spoke-zone 4.12] [spoke-zone 4.13] */
function downloadPolicy(limits: HttpLimits): DownloadPolicy<OtaArtifact> {
  return {
    validators: ({ sha256 }) => ({ etag: sha256Etag(sha256) }),
    conditions: ['if-none-match', 'if-range'],
    ranges: 'single',
    connectionClose: false,
    headers: ({ fileName }) => ({
      'content-disposition': `attachment; filename="${fileName}"`,
      'cache-control': 'private, no-transform',
    }),
    unsatisfiable: (_request, reply) => sendUnsatisfiable(reply),
    idleTimeoutMs: limits.downloadIdleTimeoutMs,
    maxDurationMs: limits.downloadMaxDurationMs,
  }
}
