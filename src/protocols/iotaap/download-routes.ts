import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import { matchesToken } from '../../core/device/secret-hash.ts'
import type { DownloadTicket, GroupFacts } from '../../core/device-gateway.ts'
import type { Artifact, FirmwareFile } from '../../core/firmware/firmware.ts'
import type { DownloadPolicy } from '../http/download-policy.ts'
import type { HttpLimits } from '../http/limits.ts'
import { sendArtifact } from '../http/send-artifact.ts'
import {
  ASK,
  type Asked,
  answerMiss,
  findDevice,
  findGroup,
  forDevices,
  offeredToDevice,
  offeredToGroup,
} from './device-endpoint.ts'
import { idOf } from './device-routes.ts'
import type { DeviceRooms } from './rooms.ts'
import { type Target, TOKEN_CHARS } from './scheme.ts'

/** The bytes for whoever knows id and token. [iotaap 4.2] */
export function downloadRoutes(scope: FastifyInstance, { host, throttle }: DeviceRooms): void {
  const { core } = host

  scope.get(
    '/v1/ota/device/download/:id',
    forDevices(async (request, reply) => {
      const facts = await authenticated(request, 'device', (id) => findDevice(core, id))
      if (facts) core.gateway.seen(facts.device.serial)
      const ticket = facts && (await takeTicket(request, facts))
      if (!facts || !ticket) return answerMiss(host, throttle, { request, reply, target: 'device' })
      const wasSent = await send(request, reply, ticket.file)
      if (wasSent) await core.gateway.finishDownload(facts, ticket)
      await noteSameImage(request, facts, ticket.file)
    }),
  )

  scope.get(
    '/v1/ota/group/download/:id',
    forDevices(async (request, reply) => {
      const facts = await authenticated(request, 'group', (id) => findGroup(core, id))
      const file = facts && offeredToGroup(core, facts)
      if (!facts || !file) return answerMiss(host, throttle, { request, reply, target: 'group' })
      await send(request, reply, file)
      await noteSameImage(request, facts, file)
    }),
  )

  /** HEAD looks at the file and starts nothing. */
  async function takeTicket(request: FastifyRequest, facts: DeviceFacts): Promise<DownloadTicket | undefined> {
    const file = offeredToDevice(core, facts)
    if (!file) return undefined
    // Asking again already means something here, so nothing is begun that finds no room.
    if (request.method !== 'HEAD') host.downloads.egress.requireRoom()
    return request.method === 'HEAD' ? { file, closesDelivered: false } : core.gateway.startDownload(facts, ASK)
  }

  /** Whether the last byte has left. */
  async function send(request: FastifyRequest, reply: FastifyReply, file: FirmwareFile): Promise<boolean> {
    const { artifact, firmware } = file
    const delivery = await sendArtifact(request, reply, {
      artifact,
      policy: policyFor(firmware.version, host.limits),
      downloads: host.downloads,
      open: (likely) => core.deps.blobs.open(artifact.sha256, artifact.size, likely),
    })
    return delivery.kind === 'complete' && delivery.reachedEnd
  }

  /** [iotaap R4] The image that runs is the one that is served, so its version string is wrong. */
  async function noteSameImage(
    request: FastifyRequest,
    target: DeviceFacts | GroupFacts,
    file: FirmwareFile,
  ): Promise<void> {
    const runs = request.headers['x-esp32-sketch-md5'] ?? request.headers['x-esp8266-sketch-md5']
    if (typeof runs !== 'string' || runs.toLowerCase() !== file.artifact.md5) return
    await core.gateway.noteSameImage(target, file)
  }
}

const SECRET = {
  device: new RegExp(`^([0-9a-f]{24})([A-Za-z0-9]{${TOKEN_CHARS.device}})$`),
  group: new RegExp(`^([0-9a-f]{24})([A-Za-z0-9]{${TOKEN_CHARS.group}})$`),
} as const satisfies Record<Target, RegExp>

/** Splits id and token by position; an unknown id costs a comparison as a known one does. [iotaap R9] [iotaap R10] */
async function authenticated<F>(
  request: FastifyRequest,
  target: Target,
  find: (id: string) => Promise<Asked<F> | undefined>,
): Promise<F | undefined> {
  const [, id, token] = SECRET[target].exec(idOf(request)) ?? []
  if (id === undefined || token === undefined) return undefined
  const found = await find(id)
  const isRight = matchesToken(found?.credentials ?? [], token)
  return isRight ? found?.facts : undefined
}

/** [iotaap 4.2] Whole, with its length, and the connection ends: no tag, no conditions, no ranges. */
function policyFor(version: string, limits: HttpLimits): DownloadPolicy<Artifact> {
  return {
    conditions: [],
    ranges: 'none',
    connectionClose: true,
    headers: ({ md5, sha256 }) => ({
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment; filename="firmware.bin"',
      'x-MD5': md5,
      'x-SHA256': sha256,
      'x-version': version,
      'cache-control': 'no-store, no-transform',
    }),
    idleTimeoutMs: limits.downloadIdleTimeoutMs,
    maxDurationMs: limits.downloadMaxDurationMs,
  }
}
