import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { DevicePatch } from '../../core/device/device-service.ts'
import { GROUP_ID_INVALID, NO_SUCH } from './answers.ts'
import type { Caller } from './auth.ts'
import { failingWith } from './errors.ts'
import { sendList } from './list-reply.ts'
import type { AccountRooms } from './rooms.ts'
import { readGroupChange, readListRequest, readText } from './schema.ts'
import { SCHEME, TOKEN_CHARS } from './scheme.ts'

/** Length of the name that a device or group gets when it is given none. [iotaap 3.3] */
export const RANDOM_NAME_CHARS = 10

/** Devices of the account API. [iotaap 3.3] */
export function deviceRoutes(scope: FastifyInstance, rooms: AccountRooms): void {
  const { core, auth, holders, settings } = rooms

  scope.get(
    '/v1/devices',
    failingWith('Error when getting devices', async (request, reply) => {
      const list = readListRequest(request.query, settings.listRows)
      const page = await holders.devicePage(auth.callerOf(request), list)
      return sendList(reply, { key: 'devices', draw: list.draw, ...page })
    }),
  )

  scope.get(
    '/v1/devices/:id',
    failingWith('Error when getting devices', async (request, reply) => {
      const caller = auth.callerOf(request)
      const device = await holders.device(caller, idOf(request))
      return device ? reply.send(holders.showDevice(caller, device)) : reply.code(404).send(NO_SUCH.device)
    }),
  )

  scope.post(
    '/v1/devices',
    failingWith('Error when creating device', async (request, reply) => {
      const caller = auth.operatorOf(request)
      const { ids } = core.deps
      const created = await core.devices.create(caller.scope, {
        name: readText(request.body, 'name') ?? ids.token(RANDOM_NAME_CHARS),
        credentials: [{ scheme: SCHEME, secret: ids.token(TOKEN_CHARS.device), recoverable: true }],
      })
      const device = await holders.device(caller, created.id)
      return device ? reply.code(201).send(holders.showDevice(caller, device)) : reply.code(404).send(NO_SUCH.device)
    }),
  )

  scope.put(
    '/v1/devices/:id',
    failingWith('Error when updating device', async (request, reply) => {
      const caller = auth.operatorOf(request)
      const device = await holders.device(caller, idOf(request))
      if (!device) return reply.code(404).send(NO_SUCH.device)
      const patch = await readPatch(rooms, caller, request.body)
      if (!patch) return reply.code(500).send(GROUP_ID_INVALID)
      if (Object.keys(patch).length > 0) await core.devices.update(caller.scope, device.device.key, patch)
      const after = await holders.device(caller, device.device.id)
      return after ? reply.send(holders.showDevice(caller, after)) : reply.code(404).send(NO_SUCH.device)
    }),
  )

  scope.delete(
    '/v1/devices/:id',
    failingWith('Error when removing device', async (request, reply) => {
      const caller = auth.operatorOf(request)
      const device = await holders.device(caller, idOf(request))
      if (!device) return reply.code(404).send(NO_SUCH.device)
      await core.devices.delete(caller.scope, device.device.key)
      return reply.send({ message: 'Device successfully removed' })
    }),
  )
}

/** undefined for a malformed group; an unknown one is ignored in silence and the rest still changes. [iotaap 3.3] */
async function readPatch(
  { holders }: Pick<AccountRooms, 'holders'>,
  caller: Caller,
  body: unknown,
): Promise<DevicePatch | undefined> {
  const name = readText(body, 'name')
  const change = readGroupChange(body)
  const named = name === undefined ? {} : { name }
  switch (change.kind) {
    case 'malformed':
      return undefined
    case 'keep':
      return named
    case 'remove':
      return { ...named, group: null }
    case 'move': {
      const found = await holders.group(caller, change.group)
      return found ? { ...named, group: found.group.serial } : named
    }
  }
}

/** The `:id` of a path, whatever it is. */
export function idOf(request: FastifyRequest): string {
  const { id } = request.params as Readonly<{ id?: string }>
  return id ?? ''
}
