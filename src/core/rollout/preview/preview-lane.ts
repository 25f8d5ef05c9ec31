import type { Serial } from '../../common.ts'
import type { DeviceVersions } from '../../device/device-store.ts'
import type { Stores } from '../../ports.ts'
import { OFFERING } from '../load-candidates.ts'
import { asIfEmpty, asIfOpen } from '../plan/as-if.ts'
import { type Ground, type KnownDevices, loadGround } from '../plan/known-devices.ts'
import { type Held, HeldRollouts, targetOf } from '../plan/planned-rollouts.ts'
import { isLive, type Rollout } from '../rollout.ts'
import { loadRoom } from '../room.ts'
import { offerFor, type Previewing, type RolloutOffer } from './preview-start.ts'

/** The running rollouts of one product, against which its devices are held. */
export class PreviewLane {
  readonly #devices: KnownDevices
  readonly #ground: Ground
  readonly #rollouts: HeldRollouts
  readonly #how: Previewing

  private constructor(of: { devices: KnownDevices; ground: Ground; rollouts: HeldRollouts; how: Previewing }) {
    this.#devices = of.devices
    this.#ground = of.ground
    this.#rollouts = of.rollouts
    this.#how = of.how
  }

  /** undefined when no rollout of the product runs: nothing can start then. */
  static async open(
    stores: Stores,
    product: Serial,
    of: { devices: KnownDevices; how: Omit<Previewing, 'rollouts'> },
  ): Promise<PreviewLane | undefined> {
    if (!(await isAnyRunning(stores, product))) return undefined
    const live = (await stores.rollouts.listOffering(product, OFFERING)).filter(({ state }) => isLive(state))
    const ground = await loadGround(stores, product)
    if (!ground) return undefined
    const held: Held[] = []
    const rollouts = new Map<string, { rollout: Held['rollout']; room: Held['room'] }>()
    const as = (one: Held): Held => {
      const { rollout, room } = one
      rollouts.set(rollout.id, { rollout, room })
      const asIf = rollout.state === 'running' ? asIfOpen(rollout) : rollout
      return { ...one, rollout: asIf, room: asIfEmpty(rollout.serial, room) }
    }
    for (const rollout of live) {
      const room = await loadRoom(stores, rollout.serial)
      held.push(as({ rollout, isStored: true, room, target: await targetOf(stores, rollout) }))
    }
    const naming = { product, accepts: ({ state }: Rollout) => isLive(state), as, isPlanLast: false }
    return new PreviewLane({
      devices: of.devices,
      ground,
      rollouts: new HeldRollouts(stores, held, naming),
      how: { ...of.how, rollouts },
    })
  }

  /** What each device would get from a rollout, in the order of the batch. */
  async offers(batch: readonly DeviceVersions[]): Promise<Array<RolloutOffer | undefined>> {
    const grounds = await this.#devices.read(batch, this.#ground)
    const candidates = await this.#rollouts.read(grounds)
    return candidates.map((one, index) =>
      offerFor({ candidates: one, schemes: grounds[index]?.schemes ?? [] }, this.#how),
    )
  }
}

async function isAnyRunning(stores: Stores, product: Serial): Promise<boolean> {
  const organisation = (await stores.products.find(product))?.organisation
  if (organisation === undefined) return false
  return (await stores.rollouts.list({ organisation, product, states: ['running'] }, { limit: 1 })).length > 0
}
