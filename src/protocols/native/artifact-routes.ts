import type { FastifyInstance } from 'fastify'
import type { OpenBlob } from '../../core/blobs.ts'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import { OtaError } from '../../core/errors.ts'
import type { Artifact } from '../../core/firmware/firmware.ts'
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

  async function artifactOf(facts: DeviceFacts, sha256: string): Promise<Artifact> {
    const outlook = await standings.look(facts, undefined)
    const files = outlook.kind === 'update' ? outlook.files : []
    const file = files.find(({ artifact }) => artifact.sha256 === sha256)
    // [native 4.1] One answer for what does not exist and for what is not this device's.
    if (!file) throw new OtaError('not-found', 'No such artifact of an update under way.')
    return file.artifact
  }

  scope.route<Parameters>({
    method: ['GET', 'HEAD'],
    url: '/device/v1/artifacts/:sha256',
    handler: async (request, reply) => {
      const facts = await auth.artifacts.device(request)
      const { sha256, size, sha1, md5 } = await artifactOf(facts, request.params.sha256)
      const open = async (): Promise<OpenBlob> => {
        const blob = await deps.blobs.open(sha256, size)
        // [native 4.4] Asking for bytes says that the download has begun.
        if (request.method === 'GET' && facts.open?.state === 'offered')
          await gateway.report(facts, NATIVE, { trigger: 'download' }).catch((error) => closed(blob, error))
        return blob
      }
      await sendArtifact(request, reply, { artifact: { sha256, size, sha1, md5 }, policy, open })
      return reply
    },
  })
}

async function closed(blob: OpenBlob, error: unknown): Promise<never> {
  await blob.close()
  throw error
}

/** [native 4.2] [native 4.3] */
function downloadPolicy(limits: HttpLimits): DownloadPolicy {
  return {
    validators: ({ sha256 }) => ({ etag: sha256Etag(sha256) }),
    conditions: ['if-match', 'if-none-match', 'if-range'],
    ranges: 'multi',
    maxRanges: limits.ranges,
    connectionClose: false,
    headers: ({ sha256 }) => ({
      'cache-control': 'private, no-transform',
      'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
    }),
    unsatisfiable: (_request, reply) =>
      sendProblem(reply, { code: 'range-not-satisfiable', detail: 'The range lies beyond the end of the file.' }),
    preconditionFailed: (_request, reply) =>
      sendProblem(reply, { code: 'precondition-failed', detail: 'The file has another tag.' }),
    idleTimeoutMs: limits.downloadIdleTimeoutMs,
    maxDurationMs: limits.downloadMaxDurationMs,
  }
}
