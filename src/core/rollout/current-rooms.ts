import type { Serial } from '../common.ts'
import type { Room } from './room.ts'

export type Rooms = ReadonlyMap<Serial, Room>

/**
 * The counters of rollouts as they stand, for devices that are held in memory. As long as none changed, the same map is
 * given again, and devices that meet the same rollouts share one: what was said to a device is then still true.
 */
export class CurrentRooms {
  readonly #find: (rollout: Serial) => Room | undefined
  #last: Rooms = new Map()

  /** `find`: the counters that are held of a rollout, the same object until they change. */
  constructor(find: (rollout: Serial) => Room | undefined) {
    this.#find = find
  }

  /** Undefined when the counters of one of them must be read first. */
  of(known: Rooms): Rooms | undefined {
    let isSame = true
    for (const [rollout, room] of known) {
      const now = this.#find(rollout)
      if (now === undefined) return undefined
      if (now !== room) isSame = false
    }
    if (isSame) return known
    this.#last = this.#isLast(known) ? this.#last : this.#made(known)
    return this.#last
  }

  #isLast(known: Rooms): boolean {
    if (this.#last.size !== known.size) return false
    for (const rollout of known.keys()) if (this.#last.get(rollout) !== this.#find(rollout)) return false
    return true
  }

  #made(known: Rooms): Rooms {
    const made = new Map<Serial, Room>()
    for (const rollout of known.keys()) {
      const room = this.#find(rollout)
      if (room) made.set(rollout, room)
    }
    return made
  }
}
