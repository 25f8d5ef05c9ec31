import type { Serial } from '../common.ts'
import { type DeviceFacts, loadDeviceFacts } from '../device/device-facts.ts'
import { PollCache } from '../device/poll-cache.ts'
import { SharedRows } from '../device/shared-rows.ts'
import type { Storage } from '../ports.ts'
import type { RolloutMemory } from '../rollout/rollout-memory.ts'

/** Facts of devices, from memory as long as nothing was committed that touches them, else from the database. */
export class KnownDevices {
  readonly #storage: Storage
  readonly #rollouts: RolloutMemory
  readonly #facts: PollCache<DeviceFacts>
  readonly #rows = new SharedRows()

  /** `capacity`: devices that are held at one time. */
  constructor(storage: Storage, rollouts: RolloutMemory, capacity: number) {
    this.#storage = storage
    this.#rollouts = rollouts
    this.#facts = new PollCache<DeviceFacts>(storage, capacity)
  }

  /** What is known costs no further turn of the event queue. */
  find(serial: Serial): Promise<DeviceFacts | undefined> {
    const held = this.#facts.get(serial)
    if (!held) return this.load(serial)
    const current = this.#withRooms(held)
    return current ? Promise.resolve(current) : this.#withRoomsRead(held)
  }

  /** As `find`, of what is held in memory and cannot have changed. */
  recall(serial: Serial): DeviceFacts | undefined {
    const held = this.#facts.get(serial)
    return held && this.#withRooms(held)
  }

  /** As `recall`, whatever the counters of its rollouts say meanwhile: enough to know who calls. */
  recallCaller(serial: Serial): DeviceFacts | undefined {
    return this.#facts.get(serial)
  }

  /** Reads them afresh. */
  load(serial: Serial): Promise<DeviceFacts | undefined> {
    return this.#facts.load(serial, async () => {
      const read = await loadDeviceFacts(this.#storage.read, serial, this.#rollouts)
      if (!read) return undefined
      const value = this.#rows.share({ ...read, rooms: this.#rollouts.shareRooms(read.rooms) })
      return { organisation: value.organisation.serial, value }
    })
  }

  /**
   * The counters of its rollouts change with every grant, and everything else that is known of a device does not. The
   * same object as long as nothing changes at all; undefined when counters must be read first.
   */
  #withRooms(held: DeviceFacts): DeviceFacts | undefined {
    const rooms = this.#rollouts.recallRooms(held.rooms)
    if (rooms === undefined || rooms === held.rooms) return rooms && held
    const renewed = { ...held, rooms }
    this.#facts.renew(held.device.serial, renewed)
    return renewed
  }

  async #withRoomsRead(held: DeviceFacts): Promise<DeviceFacts> {
    return { ...held, rooms: await this.#rollouts.readRooms(held.rooms, held.organisation.serial) }
  }
}
