import { OtaError } from '../../core/errors.ts'
import type { Clock, Ids, Ports } from '../../core/ports.ts'
import { seededRandom } from '../../core/seeded-random.ts'
import { MemoryBlobs } from '../../storage/blob/memory-blobs.ts'
import { openMemoryStorage } from '../../storage/memory/memory-storage.ts'

/** A clock that a simulation moves; it never goes back. */
export class VirtualClock implements Clock {
  readonly start: number
  #now: number

  constructor(start: number) {
    this.start = start
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  /** To so many seconds after the start. */
  moveTo(seconds: number): void {
    this.#now = Math.max(this.#now, this.start + Math.round(seconds * 1000))
  }
}

/** Everything that the core needs, in memory and in virtual time. Nobody logs in there, so there are no secrets. */
export function virtualPorts(clock: Clock, seed: number): Ports {
  return {
    storage: openMemoryStorage({ keepsEvents: false }),
    blobs: new MemoryBlobs(),
    clock,
    ids: seededIds(seed),
    secrets: { hashPassword: none, verifyPassword: none, seal: none, open: none, derive: none },
    tokens: { sign: none, verify: none },
    notifier: { assigned: () => undefined },
  }
}

/** The same ids for the same seed: the bucket of a device in a rollout depends on them. */
function seededIds(seed: number): Ids {
  const random = seededRandom(seed ^ 0x1d5eed)
  const hex = (digits: number): string => {
    let text = ''
    while (text.length < digits)
      text += Math.floor(random() * 0x1_0000_0000)
        .toString(16)
        .padStart(8, '0')
    return text.slice(0, digits)
  }
  return {
    id: (now) =>
      Math.floor(now / 1000)
        .toString(16)
        .padStart(8, '0') + hex(16),
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`,
    token: hex,
  }
}

function none(): never {
  throw new OtaError('internal', 'There are no secrets in virtual time')
}
