import { type Core, createCore } from '../../core/create-core.ts'
import { SYSTEM } from '../../core/event/event.ts'
import type { Rollout } from '../../core/rollout/rollout.ts'
import type { RolloutInput } from '../../core/rollout/rollout-input.ts'
import type { Scope } from '../../core/service.ts'
import { FLOOR_VERSION, type FleetKind, TARGET_VERSION } from './fleet-kinds.ts'
import { type VirtualClock, virtualPorts } from './virtual-ports.ts'

/** What an operator may choose of the rollout; the rest has Godwit's defaults. */
export type RolloutChoice = Pick<RolloutInput, 'health' | 'stages' | 'options'>

/** A server in memory with one product, the versions that its devices run, and a rollout that has begun. */
export interface World {
  readonly core: Core
  readonly scope: Scope
  readonly rollout: Rollout
  /** Registers a device, as it stands before it asks for the first time. Answers its serial. */
  register(kind: FleetKind, number: number): Promise<number>
}

const PRODUCT = 'panel'

export interface Opening {
  readonly seed: number
  readonly kinds: readonly FleetKind[]
  readonly choice: RolloutChoice
  /** All devices have to install {@link FLOOR_VERSION} first. */
  readonly hasFloor?: boolean
}

export async function openWorld(
  clock: VirtualClock,
  { seed, kinds, choice, hasFloor = false }: Opening,
): Promise<World> {
  const core = createCore(virtualPorts(clock, seed))
  const organisation = await core.organisations.create(SYSTEM, { key: 'virtual' })
  const scope: Scope = { actor: SYSTEM, organisation: organisation.serial }
  // Devices that choose from a catalogue are shown only what a rollout grants them.
  const { product, modules } = await core.products.create(scope, { key: PRODUCT, distribution: 'managed' })
  const module = modules.find((one) => one.isPrimary)?.serial ?? 0
  const of = { product: product.serial, module }
  await pushFirmware(core, scope, { ...of, version: TARGET_VERSION })
  if (hasFloor) {
    await pushFirmware(core, scope, { ...of, version: FLOOR_VERSION })
    const firmware = { version: FLOOR_VERSION }
    await core.floors.create(scope, { product: PRODUCT, firmware, reason: 'it moves the partitions' })
  }
  const release = { product: PRODUCT, version: TARGET_VERSION }
  await core.rollouts.create(scope, { key: 'rollout', release, ...choice })
  const rollout = await core.rolloutControl.start(scope, 'rollout')
  const attributes = kinds.map(({ hardwareRevision }) => Object.freeze({ hardwareRevision }))
  return {
    core,
    scope,
    rollout,
    register: (kind, number) =>
      core.deps.storage.transaction(async (stores) => {
        const now = clock.now()
        const key = `d${number}`
        const { serial } = await stores.devices.insert({
          id: core.deps.ids.id(now),
          createdAt: now,
          organisation: organisation.serial,
          key,
          name: '',
          product: product.serial,
          group: null,
          status: 'active',
          tags: NONE,
          attributes: attributes[kinds.indexOf(kind)] ?? NONE,
          aliases: NONE,
          lastSeenAt: null,
        })
        await stores.running.put({ device: serial, module, version: kind.fromVersion, reportedAt: now })
        return serial
      }),
  }
}

const NONE = Object.freeze({})

async function pushFirmware(
  core: Core,
  scope: Scope,
  of: { product: number; module: number; version: string },
): Promise<void> {
  const bytes = Buffer.from(`firmware ${of.version}`)
  const staged = await core.deps.blobs.stage(oneChunk(bytes), { maxBytes: 1000 })
  await core.firmware.create(scope, { ...of, active: true, fileName: `${of.version}.bin` }, staged)
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
