import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Id, isId } from '../../core/common.ts'
import type { Core } from '../../core/create-core.ts'
import type { Offer } from '../../core/decide/decision.ts'
import type { Credential } from '../../core/device/device.ts'
import { credentialsOf, type DeviceFacts } from '../../core/device/device-facts.ts'
import type { AskOptions, GroupFacts } from '../../core/device-gateway.ts'
import type { FirmwareFile } from '../../core/firmware/firmware.ts'
import type { ProtocolHost } from '../http/protocol.ts'
import { sendMiss } from './answers.ts'
import { sendDeviceError } from './errors.ts'
import type { MissThrottle } from './miss-throttle.ts'
import { SCHEME, type Target } from './scheme.ts'

/**
 * How devices of this protocol ask. They report nothing, and one that asks on the device route knows of no group: it
 * picks its endpoint from its own configuration. [iotaap 4.1]
 */
export const ASK: AskOptions = { via: SCHEME, reporting: 'silent', ignoreGroup: true }

/** A device or group that has a credential of this protocol. */
export interface Asked<F> {
  readonly facts: F
  /** The live ones; during a rotation there are two. */
  readonly credentials: readonly Credential[]
}

/** undefined when there is none, or it is none of this protocol's. */
export async function findDevice(core: Core, id: Id): Promise<Asked<DeviceFacts> | undefined> {
  if (!isId(id)) return undefined
  const facts = await core.gateway.find({ by: 'id', id })
  const credentials = facts ? credentialsOf(facts, SCHEME, core.deps.clock.now()) : []
  return facts && credentials.length > 0 ? { facts, credentials } : undefined
}

/** As `findDevice`, at once; undefined where only the database knows. */
export function recallDevice(core: Core, id: Id): DeviceFacts | undefined {
  const facts = isId(id) ? core.gateway.recall({ by: 'id', id }) : undefined
  return facts && credentialsOf(facts, SCHEME, core.deps.clock.now()).length > 0 ? facts : undefined
}

/** As `findDevice`. */
export async function findGroup(core: Core, id: Id): Promise<Asked<GroupFacts> | undefined> {
  if (!isId(id)) return undefined
  const facts = await core.gateway.findGroup(id)
  const now = core.deps.clock.now()
  const credentials = facts?.credentials.filter(
    ({ scheme, expiresAt }) => scheme === SCHEME && (expiresAt === null || now < expiresAt),
  )
  return facts && credentials && credentials.length > 0 ? { facts, credentials } : undefined
}

/** What a device is meant to run, whether it runs it already or not; undefined while nothing is assigned or allowed. */
export function offeredToDevice(core: Core, facts: DeviceFacts): FirmwareFile | undefined {
  const decision = core.gateway.decide(facts, ASK)
  if (decision.kind === 'update') return mainFile(decision.offer, facts)
  if (decision.kind === 'none' && decision.because.kind === 'up-to-date' && decision.offer)
    return mainFile(decision.offer, facts)
  return undefined
}

/** As `offeredToDevice`, for all that are configured for a group. */
export function offeredToGroup(core: Core, facts: GroupFacts): FirmwareFile | undefined {
  const decision = core.gateway.currentForGroup(facts)
  return decision.kind === 'update' ? decision.offer.files[0] : undefined
}

/** These boards know of one module: what a release has for others is not for them. */
function mainFile({ files }: Offer, { modules }: DeviceFacts): FirmwareFile | undefined {
  const [file] = files
  const primary = modules.find((module) => module.isPrimary)?.serial
  return file && (file.firmware.module === null || file.firmware.module === primary) ? file : undefined
}

/** Answers a miss, late if its address has had many. */
export async function answerMiss(
  host: Pick<ProtocolHost, 'clientAddress'>,
  throttle: MissThrottle,
  miss: { request: FastifyRequest; reply: FastifyReply; target: Target },
): Promise<void> {
  const hold = throttle.hold(host.clientAddress(miss.request))
  if (hold) await hold
  sendMiss(miss.reply, miss.target)
}

/** A handler that answers itself; what it throws becomes the failure that devices understand. */
export function forDevices(answer: (request: FastifyRequest, reply: FastifyReply) => Promise<void>) {
  return (request: FastifyRequest, reply: FastifyReply): void => {
    answer(request, reply).catch((error: unknown) => sendDeviceError(error, request, reply))
  }
}
