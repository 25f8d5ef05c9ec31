import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { AccessKey } from '../../core/access/access-key.ts'
import { OtaError } from '../../core/errors.ts'
import { CallThrottle } from '../http/call-throttle.ts'
import { equalSecrets } from '../http/constant-time.ts'
import { NATIVE } from './names.ts'
import type { Rooms } from './rooms.ts'
import { enrolSchema, parse } from './schema.ts'

/** `POST /device/v1/enrol`: a device makes itself known with its product's enrolment key and a token of its own making. [native 8] */
export function routeEnrol(scope: FastifyInstance, rooms: Rooms): void {
  const { host, config } = rooms
  const { core } = host
  const throttle = new CallThrottle<string>({
    callsPerMinute: config.enrolmentsPerMinute,
    capacity: config.throttledAddresses,
  })

  function admit(request: FastifyRequest): void {
    const retryAfterSeconds = throttle.take(host.clientAddress(request), core.deps.clock.now())
    if (retryAfterSeconds > 0)
      throw new OtaError('too-many', 'Too many enrolments from this address.', { details: { retryAfterSeconds } })
  }

  async function keyOf(key: string, secret: string): Promise<AccessKey> {
    const accessKey = await core.accessKeys.findByKey(key)
    const isRight = equalSecrets(secret, accessKey ? core.accessKeys.secretOf(accessKey) : NO_SECRET)
    if (!accessKey || !isRight) throw new OtaError('unauthenticated', 'No such enrolment key, or another secret.')
    return accessKey
  }

  scope.post('/device/v1/enrol', async (request, reply) => {
    admit(request)
    const { key, secret, ...rest } = parse(enrolSchema, request.body)
    const accessKey = await keyOf(key, secret)
    const { device, product, token } = rest
    const enrolment = { device, token, scheme: NATIVE, ...(product !== undefined && { product }) }
    const enrolled = await core.enrolments.enrol(accessKey, enrolment)
    reply.code(enrolled.isNew ? 201 : 200).header('cache-control', 'no-store')
    return reply.send({ device: { id: enrolled.device.id, key: enrolled.device.key }, created: enrolled.isNew })
  })
}

/** Compared where there is no key, so that the answer takes the same time. */
const NO_SECRET = '-'.repeat(36)
