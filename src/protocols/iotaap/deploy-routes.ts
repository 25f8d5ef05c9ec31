import type { FastifyInstance } from 'fastify'
import type { Serial } from '../../core/common.ts'
import type { Credential } from '../../core/device/device.ts'
import { matchesToken } from '../../core/device/secret-hash.ts'
import { checkEspImage } from '../../core/firmware/check-image.ts'
import { discardRest } from '../http/request-body.ts'
import { NO_SUCH } from './answers.ts'
import type { Caller } from './auth.ts'
import { checkDeployForm, type DeployRequest, readDeployForm } from './deploy-form.ts'
import { failingWith } from './errors.ts'
import type { AccountRooms } from './rooms.ts'
import { SCHEME, type Target } from './scheme.ts'

const FAILURE = 'Error when uploading firmware file'
const NOT_ALLOWED = 'You are not allowed to deploy firmware'
/** The file name under which every image is kept and handed out. */
const FILE_NAME = 'firmware.bin'

// [iotaap R5]
const GROUPED =
  'The device is in a group: devices that are configured for a group ask for its firmware and ignore their own.'

/** Deploys to a device or a group: bytes, version and assignment in one commit. [iotaap 3.6] */
export function deployRoutes(scope: FastifyInstance, rooms: AccountRooms): void {
  const { core, auth, settings } = rooms
  for (const target of ['device', 'group'] as const)
    scope.post(
      `/v1/ota/${target}`,
      failingWith(FAILURE, async (request, reply) => {
        const caller = auth.callerOf(request)
        if (!auth.mayOperate(caller)) {
          discardRest(request.raw)
          return reply.code(403).send({ message: NOT_ALLOWED })
        }
        const form = await readDeployForm(request, { blobs: core.deps.blobs, maxBytes: settings.firmwareBytes })
        try {
          const asked = checkDeployForm(form, target)
          if (asked.kind === 'refused') return reply.code(400).send(asked.body)
          const found = await findTarget(rooms, caller, { target, asked })
          if (!found) return reply.code(404).send(NO_SUCH[target])
          const { warnings } = await checkEspImage(asked.firmware, asked.version)
          if (settings.strictImages && warnings.length > 0)
            return reply.code(400).send({ message: 'Firmware image is not valid' })
          await core.deploys.deploy(
            caller.scope,
            {
              target: found.owner,
              version: asked.version,
              fileName: FILE_NAME,
              warnings: found.isGrouped ? [...warnings, GROUPED] : warnings,
            },
            asked.firmware,
          )
          return reply.code(201).send({ message: 'Firmware successfully deployed' })
        } finally {
          await form.discard()
        }
      }),
    )
}

interface Found {
  readonly owner: { readonly device: Serial } | { readonly group: Serial }
  readonly isGrouped: boolean
}

/** Steps 6 and 7: unknown, another organisation's and a wrong token are one answer. [iotaap 3.6] */
async function findTarget(
  { core, holders }: AccountRooms,
  caller: Caller,
  { target, asked }: { target: Target; asked: DeployRequest },
): Promise<Found | undefined> {
  const { credentials } = core.deps.storage.read
  if (target === 'device') {
    const found = await holders.device(caller, asked.id)
    const held = found ? await credentials.listByDevice(found.device.serial, SCHEME) : []
    if (!isRight(held) || !found) return undefined
    return { owner: { device: found.device.serial }, isGrouped: found.device.group !== null }
  }
  const found = await holders.group(caller, asked.id)
  const held = found ? await credentials.listByGroup(found.group.serial, SCHEME) : []
  return isRight(held) && found ? { owner: { group: found.group.serial }, isGrouped: false } : undefined

  function isRight(held: readonly Credential[]): boolean {
    const now = core.deps.clock.now()
    return matchesToken(
      held.filter(({ expiresAt }) => expiresAt === null || now < expiresAt),
      asked.token,
    )
  }
}
