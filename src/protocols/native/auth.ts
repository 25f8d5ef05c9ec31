import type { IncomingHttpHeaders } from 'node:http'
import type { Core } from '../../core/create-core.ts'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import type { Caller } from '../../core/device/device-store.ts'
import { hashToken } from '../../core/device/secret-hash.ts'
import { OtaError } from '../../core/errors.ts'
import { CallThrottle } from '../http/call-throttle.ts'
import type { NativeConfig } from './config.ts'
import { NATIVE } from './names.ts'

/** All that is looked at of a request. */
export interface Asking {
  readonly headers: IncomingHttpHeaders
}

export interface Auth {
  /** Who calls. Throws `unauthenticated`, and `too-many` beyond the rate of this kind of call. */
  device(request: Asking): Promise<DeviceFacts>
  /** As `device`, for calls that need no more than who calls. */
  caller(request: Asking): Promise<Caller>
  /** Who calls, where that is known without a question to the database; it is not admitted yet. */
  recall(request: Asking): DeviceFacts | undefined
  /** Counts the call of a device that `recall` knew. Throws `too-many`. */
  admit(facts: DeviceFacts): void
}

export type CallKind = 'calls' | 'artifacts'

const BEARER = /^Bearer +([\x21-\x7e]{1,512})$/i

/** Bearer tokens of devices; nothing but the header is looked at. [native 2] */
export function createAuth(core: Core, config: NativeConfig): Readonly<Record<CallKind, Auth>> {
  const { gateway } = core
  const { clock } = core.deps

  function authOf(callsPerMinute: number): Auth {
    const throttle = new CallThrottle({ callsPerMinute, capacity: config.throttledDevices })
    function admit({ serial }: Caller): void {
      const retryAfterSeconds = throttle.take(serial, clock.now())
      if (retryAfterSeconds > 0)
        throw new OtaError('too-many', 'Too many requests of this device.', { details: { retryAfterSeconds } })
      gateway.seen(serial)
    }
    async function known<T>(request: Asking, find: (reference: Reference) => Promise<T | undefined>): Promise<T> {
      const token = tokenOf(request)
      if (token === undefined) throw new OtaError('unauthenticated', 'Send the token as Authorization: Bearer.')
      const found = await find(referenceOf(token))
      if (found === undefined) throw new OtaError('unauthenticated', 'No device has this token.')
      return found
    }
    return {
      admit: ({ device }) => admit(device),
      recall(request) {
        const token = tokenOf(request)
        return token === undefined ? undefined : gateway.recall(referenceOf(token))
      },
      async device(request) {
        const facts = await known(request, gateway.find)
        admit(facts.device)
        return facts
      },
      async caller(request) {
        const caller = await known(request, gateway.identify)
        admit(caller)
        return caller
      },
    }
  }

  return { calls: authOf(config.callsPerMinute), artifacts: authOf(config.artifactCallsPerMinute) }
}

function tokenOf(request: Asking): string | undefined {
  return BEARER.exec(request.headers.authorization ?? '')?.[1]
}

type Reference = ReturnType<typeof referenceOf>

function referenceOf(token: string) {
  return { by: 'token', scheme: NATIVE, hash: hashToken(token) } as const
}
