import { BoundedMap } from '../bounded-map.ts'
import type { Serial } from '../common.ts'
import type { Room } from './room.ts'

export type Rooms = ReadonlyMap<Serial, Room>

/** Sets of rollouts whose counters are remembered as one map. */
const SETS = 1_000

/**
 * The counters of rollouts as they stand, for devices that are held in memory. As long as none changed, the same map is
 * given again, and devices that meet the same rollouts share one: what was said to a device is then still true.
 */
export class CurrentRooms {
  readonly #find: (rollout: Serial) => Room | undefined
  /** By the rollouts that it is of. */
  readonly #made = new BoundedMap<string, Rooms>(SETS)

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
    return isSame ? known : this.share(this.#current(known))
  }

  /** Counters that were just read: the map that other devices have of them, when it says the same. */
  share(read: Rooms): Rooms {
    const name = [...read.keys()].join()
    const known = this.#made.get(name)
    if (known && isSame(known, read)) return known
    this.#made.set(name, read)
    return read
  }

  #current(known: Rooms): Rooms {
    const current = new Map<Serial, Room>()
    for (const rollout of known.keys()) {
      const room = this.#find(rollout)
      if (room) current.set(rollout, room)
    }
    return current
  }
}

/** Of the same rollouts. */
function isSame(known: Rooms, read: Rooms): boolean {
  for (const [rollout, room] of read) if (known.get(rollout) !== room) return false
  return true
}
