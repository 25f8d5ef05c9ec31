import type { FastifyInstance } from 'fastify'
import type { Core } from '../../core/create-core.ts'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import type { Auth, Caller } from './auth.ts'
import { noSuch } from './errors.ts'
import { parseId, toWireDevice } from './translate.ts'

/** `GET /api/v2/devices/:id`: a device reads itself, a user any device of the organisation. [spoke-zone 3.F] */
export function routeDevice(scope: FastifyInstance, core: Core, auth: Auth): void {
  scope.get<{ Params: { id: string } }>('/api/v2/devices/:id', async (request, reply) => {
    const caller = await auth.caller(request)
    const facts = await findDevice(core, caller, parseId(request.params.id))
    // The row is read again, since the last sign of life is written behind and ends no cached facts.
    const device = facts && (await core.deps.storage.read.devices.find(facts.device.serial))
    if (!device) throw noSuch('device', request.params.id)
    reply.header('cache-control', 'no-store')
    return reply.send(toWireDevice(facts, device))
  })
}

async function findDevice(core: Core, caller: Caller, serial: number | undefined): Promise<DeviceFacts | undefined> {
  if (serial === undefined) return undefined
  if (caller.kind === 'device') return caller.facts.device.serial === serial ? caller.facts : undefined
  const facts = await core.gateway.find({ by: 'serial', serial })
  return facts?.device.organisation === caller.organisation.serial ? facts : undefined
}
