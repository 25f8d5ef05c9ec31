import type { FastifyInstance } from 'fastify'
import { isId } from '../../core/common.ts'
import { GROUP_ID_INVALID, NO_SUCH } from './answers.ts'
import { idOf, RANDOM_NAME_CHARS } from './device-routes.ts'
import { failingWith } from './errors.ts'
import { sendList } from './list-reply.ts'
import type { AccountRooms } from './rooms.ts'
import { readListRequest, readText } from './schema.ts'
import { SCHEME, TOKEN_CHARS } from './scheme.ts'

/** Groups of the account API. [iotaap 3.4] */
export function groupRoutes(scope: FastifyInstance, rooms: AccountRooms): void {
  const { core, auth, holders, settings } = rooms

  scope.get(
    '/v1/groups',
    failingWith('Error when getting groups', async (request, reply) => {
      const list = readListRequest(request.query, settings.listRows)
      const page = await holders.groupPage(auth.callerOf(request), list)
      return sendList(reply, { key: 'groups', draw: list.draw, ...page })
    }),
  )

  scope.get(
    '/v1/groups/:id',
    failingWith('Error when getting group', async (request, reply) => {
      const caller = auth.callerOf(request)
      const group = await holders.group(caller, idOf(request))
      return group ? reply.send(holders.showGroup(caller, group)) : reply.code(404).send(NO_SUCH.group)
    }),
  )

  scope.get(
    '/v1/groups/devices/:id',
    failingWith('Error when getting devices', async (request, reply) => {
      const caller = auth.callerOf(request)
      const found = await holders.group(caller, idOf(request))
      if (!found) return reply.code(404).send(NO_SUCH.group)
      const list = readListRequest(request.query, settings.listRows)
      const page = await holders.devicePage(caller, list, found.group.serial)
      return sendList(reply, { key: 'devices', draw: list.draw, ...page })
    }),
  )

  scope.post(
    '/v1/groups',
    failingWith('Error when creating group', async (request, reply) => {
      const caller = auth.operatorOf(request)
      const { ids, storage } = core.deps
      const name = readText(request.body, 'name') ?? ids.token(RANDOM_NAME_CHARS)
      const credential = { scheme: SCHEME, secret: ids.token(TOKEN_CHARS.group), recoverable: true }
      const created = await storage.transaction(async (stores) => {
        const group = await core.groups.insert(stores, caller.scope, { name })
        await core.credentials.add(stores, caller.scope, { group: group.serial }, credential)
        return group
      })
      const group = await holders.group(caller, created.id)
      return group ? reply.code(201).send(holders.showGroup(caller, group)) : reply.code(404).send(NO_SUCH.group)
    }),
  )

  scope.put(
    '/v1/groups/:id',
    failingWith('Error when updating group', async (request, reply) => {
      const caller = auth.operatorOf(request)
      const found = await holders.group(caller, idOf(request))
      if (!found) return reply.code(404).send(NO_SUCH.group)
      const name = readText(request.body, 'name')
      if (name !== undefined) await core.groups.update(caller.scope, found.group.key, { name })
      const after = await holders.group(caller, found.group.id)
      return after ? reply.send(holders.showGroup(caller, after)) : reply.code(404).send(NO_SUCH.group)
    }),
  )

  scope.delete(
    '/v1/groups/:id',
    failingWith('Error when removing the group', async (request, reply) => {
      const caller = auth.operatorOf(request)
      const id = idOf(request)
      // Quirk: only here is a malformed id another answer than an unknown one. [iotaap 3.4]
      if (!isId(id)) return reply.code(500).send(GROUP_ID_INVALID)
      const found = await holders.group(caller, id)
      if (!found) return reply.code(404).send(NO_SUCH.group)
      await core.groups.delete(caller.scope, found.group.key)
      return reply.send({ message: 'Group successfully removed' })
    }),
  )
}
