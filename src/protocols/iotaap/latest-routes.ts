import type { FastifyInstance } from 'fastify'
import { sendToDevice, toDevice } from './answers.ts'
import {
  answerMiss,
  findDevice,
  findGroup,
  forDevices,
  offeredToDevice,
  offeredToGroup,
  recallDevice,
} from './device-endpoint.ts'
import { idOf } from './device-routes.ts'
import type { DeviceRooms } from './rooms.ts'
import { SCHEME } from './scheme.ts'

const DEVICE = '/v1/ota/device/latest/'

/**
 * What a device should run. A 200 is a command: any version unlike the running one is fetched and flashed, so anything
 * but an assigned version is the uniform 404. [iotaap 4.1]
 */
export function latestRoutes(scope: FastifyInstance, { host, throttle }: DeviceRooms): void {
  const { core } = host

  // What most polls get: the device is in memory and at work on nothing.
  host.shortWays.add({
    protocol: SCHEME,
    method: 'GET',
    path: DEVICE,
    answer({ url = '' }) {
      const facts = recallDevice(core, url.slice(DEVICE.length))
      const file = facts && !facts.open && offeredToDevice(core, facts)
      if (!file) return undefined
      core.gateway.seen(facts.device.serial)
      return toDevice(200, toLatest(file.firmware.version))
    },
  })

  scope.get(
    `${DEVICE}:id`,
    forDevices(async (request, reply) => {
      const found = await findDevice(core, idOf(request))
      if (!found) return answerMiss(host, throttle, { request, reply, target: 'device' })
      const { facts } = found
      core.gateway.seen(facts.device.serial)
      const file = offeredToDevice(core, facts)
      if (!file) return answerMiss(host, throttle, { request, reply, target: 'device' })
      // A device that asks again and fetches nothing has what it fetched before; writes only after a download.
      if (request.method === 'GET') await core.gateway.noteQuiet(facts, SCHEME)
      sendToDevice(reply, 200, toLatest(file.firmware.version))
    }),
  )

  scope.get(
    '/v1/ota/group/latest/:id',
    forDevices(async (request, reply) => {
      const found = await findGroup(core, idOf(request))
      const file = found && offeredToGroup(core, found.facts)
      if (!file) return answerMiss(host, throttle, { request, reply, target: 'group' })
      sendToDevice(reply, 200, toLatest(file.firmware.version))
    }),
  )
}

/** Small and without a mark at its beginning: devices parse it into 128 bytes. [iotaap 4.3] */
function toLatest(version: string): string {
  return `{"ver":${JSON.stringify(version)}}`
}
