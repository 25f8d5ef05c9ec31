import type { Core } from '../../src/core/create-core.ts'
import type { CredentialInput } from '../../src/core/device/credential-service.ts'
import type { Device } from '../../src/core/device/device.ts'
import { claimDevices } from '../../src/core/device/device-service.ts'
import { SYSTEM } from '../../src/core/event/event.ts'
import { bucketOf } from '../../src/core/rollout/schedule/bucket.ts'
import type { Scope } from '../../src/core/service.ts'
import { esp32Image } from '../../src/simulator/images/esp32-image.ts'
import { type FleetFacts, ORGANISATION, OWNER, STAGE_PERCENT } from './fleet.ts'

const MIB = 2 ** 20
const ROLLOUT_BYTES = 1_000_000
const BIG_BYTES = 100_000_000
/** Fleets of fewer devices are for trying things out. */
const REAL = 10_000
const BOARDS = 20
const ROLLOUT = '674000040000000000000001'
const BIG_DEVICES = 8

/** What the many devices are copies of. */
export interface Templates {
  readonly organisation: number
  readonly module: number
  /** By scheme: the device whose rows are copied. */
  readonly devices: Readonly<Record<string, Device>>
  /** Serial of the native template's update, granted by the rollout. */
  readonly update: number
  readonly rollout: number
}

export interface BaseFleet {
  readonly facts: Omit<FleetFacts, 'firstSerial'>
  readonly templates: Templates
}

/** Makes everything but the many devices, by the services that operators use. */
export async function makeBaseFleet(core: Core, devices: number): Promise<BaseFleet> {
  const bigBytes = devices < REAL ? BIG_BYTES / 10 : BIG_BYTES
  const { serial } = await core.organisations.create(SYSTEM, { key: ORGANISATION })
  const scope: Scope = { actor: SYSTEM, organisation: serial }
  const account = await core.accounts.create(SYSTEM, { ...OWNER, isAdministrator: true })
  await core.accounts.setRole(scope, account.id, 'owner')
  const made = await core.products.create(scope, { key: 'panel', modules: [{ key: 'display-app' }] })
  const product = { product: made.product.serial, module: made.modules[0]?.serial ?? 0 }
  await pushFirmware(core, scope, { ...product, version: '1.0.0', size: MIB / 16 })
  const target = await pushFirmware(core, scope, { ...product, version: '1.1.0', size: ROLLOUT_BYTES, active: true })
  const big = await pushFirmware(core, scope, { ...product, version: '2.0.0', size: bigBytes })
  await core.deps.storage.transaction((stores) =>
    claimDevices(stores, core.deps, { organisation: serial, count: devices }),
  )
  const templates = await makeTemplates(core, scope, product)
  const { rollout, update } = await startRollout(core, scope, templates)
  const iotaapBoards: string[] = []
  for (let number = 0; number < BOARDS; number++)
    iotaapBoards.push((await assigned(core, scope, product.product, { key: `board-${number}`, version: '1.1.0' })).id)
  const bigDevices = Array.from({ length: BIG_DEVICES }, (_, number) => `big-${number}`)
  for (const key of bigDevices) await assigned(core, scope, product.product, { key, version: '2.0.0' })
  const appKey = '11111111-2222-4333-8444-555555555555'
  const appSecret = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'
  await core.accessKeys.create(scope, { key: appKey, secret: appSecret, permissions: ['read'] })
  return {
    templates: {
      organisation: serial,
      module: product.module,
      devices: templates,
      update: update.serial,
      rollout: rollout.serial,
    },
    facts: {
      devices,
      organisation: ORGANISATION,
      rollout: rollout.id,
      enos: { appKey, appSecret, firmware: target.id },
      iotaapBoards,
      bigDevices: bigDevices.map(deviceToken),
      artifacts: { rollout: target.sha256, big: big.sha256, bigBytes },
    },
  }
}

/** The secrets of the devices that are made one by one. */
function deviceToken(key: string): string {
  return `bench-token-of-${key}`
}

interface Push {
  readonly product: number
  readonly module: number
  readonly version: string
  readonly size: number
  readonly active?: boolean
}

async function pushFirmware(core: Core, scope: Scope, { version, size, active = false, ...place }: Push) {
  const staged = await core.deps.blobs.stage(one(esp32Image({ version, size })), { maxBytes: 2 ** 31 })
  const input = { ...place, version, active, fileName: `display-app-${version}.bin` }
  const { firmware, artifact } = await core.firmware.create(scope, input, staged)
  return { id: firmware.id, sha256: artifact.sha256 }
}

async function makeTemplates(core: Core, scope: Scope, { product, module }: { product: number; module: number }) {
  const credentials: readonly CredentialInput[] = [
    { scheme: 'native', secret: deviceToken('native') },
    { scheme: 'spoke-zone', details: { cpuId: 'cpu-0', uuid: 'uuid-0' } },
    { scheme: 'iotaap', secret: 'benchiotaap0', recoverable: true },
    { scheme: 'enos', secret: 'bench-enos-secret', recoverable: true },
  ]
  const devices: Record<string, Device> = {}
  for (const credential of credentials) {
    const device = await core.devices.create(scope, {
      key: `template-${credential.scheme}`,
      product,
      ...(credential.scheme === 'native' && { id: idInStage() }),
      tags: { site: 'graz', ring: '0' },
      attributes: { hardware: 'rev-b', region: 'eu' },
      credentials: [credential],
    })
    await core.deps.storage.transaction((stores) =>
      stores.running.put({ device: device.serial, module, version: '1.0.0', reportedAt: core.deps.clock.now() }),
    )
    devices[credential.scheme] = device
  }
  return devices
}

/** An id that the first stage of the rollout takes. */
function idInStage(): string {
  for (let number = 0; ; number++) {
    const id = `67400003${number.toString(16).padStart(16, '0')}`
    if (bucketOf(ROLLOUT, id) < STAGE_PERCENT / 100) return id
  }
}

/** A rollout whose first stage takes a part of the fleet, the native template among it, which is granted its update. */
async function startRollout(core: Core, scope: Scope, templates: Readonly<Record<string, Device>>) {
  const { key } = await core.rollouts.create(scope, {
    key: 'spring',
    id: ROLLOUT,
    release: { product: 'panel', version: '1.1.0' },
    stages: [{ percent: STAGE_PERCENT }, { percent: 100 }],
  })
  const rollout = await core.rolloutControl.start(scope, key)
  const serial = templates['native']?.serial ?? 0
  const ask = { via: 'native', reporting: 'progress' } as const
  const known = await core.gateway.find({ by: 'serial', serial })
  const update = known && (await core.gateway.grant(known, ask))
  if (!update) throw new Error('the rollout grants its first device nothing')
  return { rollout, update }
}

async function assigned(core: Core, scope: Scope, product: number, what: { key: string; version: string }) {
  const { key, version } = what
  const isBoard = key.startsWith('board')
  const device = await core.devices.create(scope, {
    key,
    product,
    credentials: [
      isBoard
        ? { scheme: 'iotaap', secret: 'benchiotaap0', recoverable: true }
        : { scheme: 'native', secret: deviceToken(key) },
    ],
  })
  await core.assignments.assign(scope, { device: key }, { product: 'panel', version })
  return device
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
