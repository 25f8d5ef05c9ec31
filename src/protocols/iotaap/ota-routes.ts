import type { FastifyInstance } from 'fastify'
import { failingWith } from './errors.ts'
import { sendList } from './list-reply.ts'
import type { AccountRooms } from './rooms.ts'
import { readListRequest } from './schema.ts'
import type { Target } from './scheme.ts'

/** Apostrophe and full stop included. [iotaap 3.5] */
const FAILURE = {
  device: "Error when getting device OTA's.",
  group: "Error when getting group OTA's.",
} as const satisfies Record<Target, string>

/** What is assigned to devices, or to groups: one row each. [iotaap 3.5] */
export function otaRoutes(scope: FastifyInstance, { auth, holders, settings }: AccountRooms): void {
  for (const target of ['device', 'group'] as const)
    scope.get(
      `/v1/ota/${target}`,
      failingWith(FAILURE[target], async (request, reply) => {
        const list = readListRequest(request.query, settings.listRows)
        const page = await holders.otaPage(auth.callerOf(request), list, target)
        return sendList(reply, { key: 'otas', draw: list.draw, ...page })
      }),
    )
}
