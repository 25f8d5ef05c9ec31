import type { Serial } from '../common.ts'
import { PollCache } from '../device/poll-cache.ts'
import type { Storage } from '../ports.ts'
import { CurrentRooms, type Rooms } from './current-rooms.ts'
import { type CommonRollouts, loadPlans, type Plans } from './load-candidates.ts'
import type { Rollout } from './rollout.ts'
import { loadRoom, type Room } from './room.ts'

/** Products whose plans, and rollouts whose counters, are held in memory. */
const CAPACITY = 10_000

/** What many devices have in common of the rollouts that they may meet, held in memory once for all of them. */
export class RolloutMemory implements CommonRollouts {
  readonly #storage: Storage
  readonly #plans: PollCache<Plans>
  readonly #rooms: PollCache<Room>
  readonly #current: CurrentRooms

  constructor(storage: Storage) {
    this.#storage = storage
    this.#plans = new PollCache<Plans>(storage, CAPACITY, 'fleet')
    this.#rooms = new PollCache<Room>(storage, CAPACITY, 'rollout')
    this.#current = new CurrentRooms((rollout) => this.#rooms.get(rollout))
  }

  async plans(product: Serial): Promise<Plans> {
    const known = this.#plans.get(product)
    if (known) return known
    const { read } = this.#storage
    const loaded = await this.#plans.loadJointly(product, async () => {
      const organisation = (await read.products.find(product))?.organisation
      return organisation === undefined ? undefined : { organisation, value: await loadPlans(read, product) }
    })
    return loaded ?? { rollouts: [], targets: new Map(), floors: [] }
  }

  async room({ serial, organisation }: Pick<Rollout, 'serial' | 'organisation'>): Promise<Room | undefined> {
    return this.#rooms.get(serial) ?? (await this.#loadRoom(serial, organisation))
  }

  /** The counters as they stand, as far as memory knows; undefined when some must be read first. */
  recallRooms(known: Rooms): Rooms | undefined {
    return known.size === 0 ? known : this.#current.of(known)
  }

  /** The same, read where they must be. */
  async readRooms(known: Rooms, organisation: Serial): Promise<Rooms> {
    const current = new Map<Serial, Room>()
    for (const serial of known.keys()) {
      const room = await this.room({ serial, organisation })
      if (room) current.set(serial, room)
    }
    return current
  }

  /** Counters that were just read: the map that other devices have of them, when it says the same. */
  shareRooms(read: Rooms): Rooms {
    return this.#current.share(read)
  }

  #loadRoom(rollout: Serial, organisation: Serial): Promise<Room | undefined> {
    return this.#rooms.loadJointly(rollout, async () => {
      const value = await loadRoom(this.#storage.read, rollout)
      return value && { organisation, value }
    })
  }
}
