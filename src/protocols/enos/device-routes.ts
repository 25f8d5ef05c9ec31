import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import type { ProtocolHost } from '../http/protocol.ts'
import type { FileUrls } from './device-file-url.ts'
import { readMessage, TOPICS } from './device-message.ts'
import type { DeviceTalk, Live } from './device-talk.ts'
import { sendToDevice } from './envelope.ts'
import { parseWithNumberSources } from './json.ts'
import type { PushMemory } from './push-memory.ts'
import { parseRawQuery } from './raw-query.ts'
import { bodyText } from './request-bytes.ts'
import type { Address, Session, Sessions } from './sessions.ts'
import { toDeviceOffer } from './translate.ts'

interface AtDevice {
  readonly Params: Address
}

export interface DeviceParts {
  readonly sessions: Sessions
  readonly talk: DeviceTalk
  readonly urls: FileUrls
  readonly pushes: PushMemory
}

/** [enos 6] authentication and publishing of devices over HTTP */
export function routeDevices(scope: FastifyInstance, host: ProtocolHost, parts: DeviceParts): void {
  const { sessions, talk } = parts

  // Never with a command: this call runs before the sample registers its handler [enos 6].
  scope.post<AtDevice>('/auth/:productKey/:deviceKey', async (request, reply) => {
    const body = parseWithNumberSources(bodyText(request))
    const sessionId = body && (await sessions.open(request.params, body))
    if (sessionId === undefined)
      return sendToDevice(reply, { status: 401, body: { code: 401, message: 'authentication failed', data: {} } })
    return sendToDevice(reply, { body: { code: 200, message: 'success', data: { sessionId } } })
  })

  for (const topic of TOPICS)
    scope.post<AtDevice>(`/topic/sys/:productKey/:deviceKey/ota/device/${topic}`, async (request, reply) => {
      const received = readMessage(topic, bodyText(request))
      const session = await sessionOf(sessions, request)
      const id = received?.id ?? ''
      if (!session)
        return sendToDevice(reply, {
          status: 401,
          body: { id, code: 401, message: 'session unknown or over', data: {} },
        })
      if (!received) return sendToDevice(reply, { body: refusal(id, 'the payload is not a JSON object') })
      if (received.message.kind === 'bad') return sendToDevice(reply, { body: refusal(id, received.message.reason) })
      const facts = await talk.receive(session.facts, received.message)
      if (received.message.kind === 'getversion')
        return sendToDevice(reply, { body: { id, code: 200, data: await pulled(request, facts, parts) } })
      const headers = await pushHeaders(host, request, { session, facts, parts })
      return sendToDevice(reply, { body: { id, code: 200, data: {} }, ...(headers && { headers }) })
    })
}

/** The session named in the query, for the device named in the path. */
export function sessionOf(sessions: Sessions, request: FastifyRequest<AtDevice>): Promise<Session | undefined> {
  return sessions.find(request.params, queryOf(request).get('sessionId'))
}

export function queryOf(request: FastifyRequest<AtDevice>): ReadonlyMap<string, string> {
  const query = parseRawQuery(request.url)
  return query.kind === 'query' ? query.parameters : new Map()
}

/** [enos 5.3] bad params */
function refusal(id: string, message: string): object {
  return { id, code: 800, message, data: {} }
}

/** [enos 5.2] at most one */
async function pulled(
  request: FastifyRequest<AtDevice>,
  facts: DeviceFacts,
  { talk, urls }: DeviceParts,
): Promise<object[]> {
  const live = await talk.toPull(facts)
  if (!live) return []
  return [toDeviceOffer(live.file, await urls.forDevice(request, request.params.productKey, live))]
}

interface PushContext {
  readonly session: Session
  readonly facts: DeviceFacts
  readonly parts: DeviceParts
}

/** [enos 6] A command rides on the reply to a publish, once per attempt and session. */
async function pushHeaders(
  host: ProtocolHost,
  request: FastifyRequest<AtDevice>,
  { session, facts, parts }: PushContext,
): Promise<Record<string, string> | undefined> {
  const live = await parts.talk.toPush(facts)
  if (!live || !parts.pushes.mayTell(session.key, live.update.serial, host.core.deps.clock.now())) return undefined
  const { productKey, deviceKey } = request.params
  const params = toDeviceOffer(live.file, await parts.urls.forDevice(request, productKey, live))
  const command = { id: commandId(live), version: '1.0', method: 'ota.device.upgrade', params }
  return {
    'command-payload': asciiJson(command),
    topic: ascii(`/sys/${productKey}/${deviceKey}/ota/device/upgrade`),
  }
}

/** [enos 5.3] a string of digits; serials of updates stay below 2^31 */
function commandId({ update }: Live): string {
  return String(update.serial)
}

/** One line of JSON that a header can hold. */
export function asciiJson(value: object): string {
  return ascii(JSON.stringify(value))
}

function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
