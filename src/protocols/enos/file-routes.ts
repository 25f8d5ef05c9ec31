import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { BlobSpan } from '../../core/blobs.ts'
import type { DownloadArtifact, DownloadPolicy } from '../http/download-policy.ts'
import type { ProtocolHost } from '../http/protocol.ts'
import { sendArtifact } from '../http/send-artifact.ts'
import { type FileUrls, SIGNED_PATH } from './device-file-url.ts'
import { type DeviceParts, queryOf, sessionOf } from './device-routes.ts'
import type { DeviceTalk, Live } from './device-talk.ts'
import { sendToDevice } from './envelope.ts'
import { fileAliasOf } from './names.ts'
import type { Address } from './sessions.ts'

interface AtDevice {
  readonly Params: Address
}

/** [enos 6] Downloads of devices: their own live task's file, and nothing else. */
export function routeFiles(scope: FastifyInstance, host: ProtocolHost, parts: DeviceParts): void {
  const { sessions, talk, urls } = parts
  const policy = downloadPolicy(host)
  const path = '/multipart/sys/:productKey/:deviceKey/file/download'

  scope.get<AtDevice>(path, async (request, reply) => {
    const session = await sessionOf(sessions, request)
    if (!session) return sendUnauthorised(reply)
    const live = await askedFor(talk, request, session.facts)
    return live ? send(host, request, reply, { live, policy }) : sendNotFound(reply)
  })

  scope.get<AtDevice>(`${path}/url`, async (request, reply) => {
    const session = await sessionOf(sessions, request)
    if (!session) return sendUnauthorised(reply)
    const live = await askedFor(talk, request, session.facts)
    if (!live) return sendNotFound(reply)
    return sendToDevice(reply, { body: { code: 200, data: await urls.signed(request, live) } })
  })

  // No session here: the signature is the proof, for as long as the task lives.
  scope.get<{ Params: { token: string; name: string } }>(`${SIGNED_PATH}/:token/:name`, async (request, reply) => {
    const live = await signedFor({ host, talk, urls }, request.params)
    return live ? send(host, request, reply, { live, policy }) : sendNotFound(reply)
  })
}

/** Quirk: `fileUri=enos-connect://...` comes unencoded in the query [enos 6]; pinned by row 45. */
async function askedFor(
  talk: DeviceTalk,
  request: FastifyRequest<AtDevice>,
  facts: Parameters<DeviceTalk['liveFile']>[0],
): Promise<Live | undefined> {
  const alias = fileAliasOf(queryOf(request).get('fileUri') ?? '')
  return alias === undefined ? undefined : talk.liveFile(facts, alias)
}

async function signedFor(
  parts: { readonly host: ProtocolHost; readonly talk: DeviceTalk; readonly urls: FileUrls },
  { token, name }: { readonly token: string; readonly name: string },
): Promise<Live | undefined> {
  const signed = await parts.urls.verify(token)
  const facts = signed && (await parts.host.core.gateway.find({ by: 'serial', serial: signed.device }))
  if (!facts || facts.device.status === 'disabled' || facts.open?.serial !== signed.update) return undefined
  return parts.talk.liveFile(facts, name)
}

async function send(
  host: ProtocolHost,
  request: FastifyRequest,
  reply: FastifyReply,
  { live, policy }: { readonly live: Live; readonly policy: DownloadPolicy },
): Promise<FastifyReply> {
  const { artifact } = live.file
  const open = (likely: BlobSpan | null) => host.core.deps.blobs.open(artifact.sha256, artifact.size, likely)
  await sendArtifact<DownloadArtifact>(request, reply, { artifact, policy, downloads: host.downloads, open })
  return reply
}

/** [enos 6] one range, always a length, never a redirect */
function downloadPolicy(host: ProtocolHost): DownloadPolicy {
  return {
    conditions: [],
    ranges: 'single',
    connectionClose: false,
    // Devices report their progress by themselves.
    mayHandOver: true,
    headers: () => ({}),
    idleTimeoutMs: host.limits.downloadIdleTimeoutMs,
    maxDurationMs: host.limits.downloadMaxDurationMs,
  }
}

function sendUnauthorised(reply: FastifyReply): FastifyReply {
  return sendToDevice(reply, { status: 401, body: { code: 401, message: 'session unknown or over', data: {} } })
}

export function sendNotFound(reply: FastifyReply): FastifyReply {
  return sendToDevice(reply, { status: 404, body: { code: 404, message: 'not found', data: {} } })
}
