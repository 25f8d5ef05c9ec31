import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { BlobSpan, OpenBlob } from '../../core/blobs.ts'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import { OtaError } from '../../core/errors.ts'
import type { FirmwareFile } from '../../core/firmware/firmware.ts'
import { sha256Etag } from '../http/conditions.ts'
import type { DownloadPolicy } from '../http/download-policy.ts'
import type { HttpLimits } from '../http/limits.ts'
import { sendArtifact } from '../http/send-artifact.ts'
import { sendProblem } from './errors.ts'
import { NATIVE } from './names.ts'
import type { Rooms } from './rooms.ts'

interface Parameters {
  readonly Params: { readonly sha256: string }
}

/** `GET|HEAD /device/v1/artifacts/:sha256`: bytes of the device's update under way, and of nothing else. [native 4] */
export function routeArtifacts(scope: FastifyInstance, rooms: Rooms): void {
  const { host, auth, standings } = rooms
  const { gateway, deps } = host.core
  const policy = downloadPolicy(host.limits)

  async function fileOf(facts: DeviceFacts, sha256: string): Promise<FirmwareFile> {
    const outlook = await standings.look(facts, undefined)
    const files = outlook.kind === 'update' ? outlook.files : []
    const file = files.find(({ artifact }) => artifact.sha256 === sha256)
    // [native 4.1] One answer for what does not exist and for what is not this device's.
    if (!file) throw new OtaError('not-found', 'No such artifact of an update under way.')
    return file
  }

  scope.route<Parameters>({
    method: ['GET', 'HEAD'],
    url: '/device/v1/artifacts/:sha256',
    handler: async (request, reply) => {
      const facts = await auth.artifacts.device(request)
      const { artifact, firmware } = await fileOf(facts, request.params.sha256)
      const { sha256, size, sha1, md5 } = artifact
      // [native 4.4] Asking for bytes says that the download has begun.
      const begin = async () => {
        if (request.method === 'GET' && facts.open?.state === 'offered')
          await gateway.report(facts, NATIVE, { trigger: 'download' })
      }
      const open = async (likely: BlobSpan | null): Promise<OpenBlob> => {
        const blob = await deps.blobs.open(sha256, size, likely)
        await begin().catch((error) => closed(blob, error))
        return blob
      }
      // [native 4.5] Private firmware may carry secrets of the device, and a link is good in anybody's hands.
      const link = async (): Promise<string | undefined> => {
        const url = firmware.scope === 'private' ? undefined : await deps.blobs.link(sha256, size)
        if (url !== undefined) await begin()
        return url
      }
      const { downloads } = host
      await sendArtifact(request, reply, { artifact: { sha256, size, sha1, md5 }, policy, downloads, open, link })
      return reply
    },
  })
}

async function closed(blob: OpenBlob, error: unknown): Promise<never> {
  await blob.close()
  throw error
}

/** [native 4.5] Devices follow no redirect unless they say that they do: `Prefer: redirect` (RFC 7240). */
function followsRedirects({ headers }: FastifyRequest): boolean {
  return /(^|,)\s*redirect\s*($|[,;])/i.test([headers['prefer'] ?? []].flat().join(','))
}

/** [native 4.2] [native 4.3] */
function downloadPolicy(limits: HttpLimits): DownloadPolicy {
  return {
    validators: ({ sha256 }) => ({ etag: sha256Etag(sha256) }),
    conditions: ['if-match', 'if-none-match', 'if-range'],
    ranges: 'multi',
    maxRanges: limits.ranges,
    connectionClose: false,
    // Devices say by themselves how far they are.
    mayHandOver: true,
    headers: ({ sha256 }) => ({
      'cache-control': 'private, no-transform',
      'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
    }),
    redirects: followsRedirects,
    unsatisfiable: (_request, reply) =>
      sendProblem(reply, { code: 'range-not-satisfiable', detail: 'The range lies beyond the end of the file.' }),
    preconditionFailed: (_request, reply) =>
      sendProblem(reply, { code: 'precondition-failed', detail: 'The file has another tag.' }),
    idleTimeoutMs: limits.downloadIdleTimeoutMs,
    maxDurationMs: limits.downloadMaxDurationMs,
  }
}
