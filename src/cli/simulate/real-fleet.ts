import { randomBytes } from 'node:crypto'
import type { DeviceEvent, VirtualDevice } from '../../simulator/device.ts'
import { CorruptFlash, DyingFlash } from '../../simulator/faulty-flash.ts'
import { type Flash, HashOnlyFlash } from '../../simulator/flash.ts'
import { createDevice } from '../../simulator/fleet.ts'
import { esp32Image } from '../../simulator/images/esp32-image.ts'
import type { Fate, Fates } from '../../simulator/virtual/fate.ts'
import { type FleetKind, TARGET_VERSION } from '../../simulator/virtual/fleet-kinds.ts'
import { type ApiClient, segment } from '../client/api-client.ts'
import { textAt } from '../client/json.ts'

/** A device of a simulated fleet as the server knows it, with the secret that it holds. */
interface RealDevice {
  readonly key: string
  readonly kind: FleetKind
  readonly fate: Fate
  readonly secret: string
}

export interface RealFleet {
  /** Key of the product, and of the rollout. */
  readonly key: string
  readonly devices: readonly RealDevice[]
}

const MODULE = 'main'
/** Bytes of the firmware. */
const SIZE = 16 * 1024
/** Devices in one request. */
const CHUNK = 1_000

/** Makes a product, its firmware and the devices on a server. */
export async function makeFleet(
  api: ApiClient,
  { kinds, fates, onDevices }: { kinds: readonly FleetKind[]; fates: Fates; onDevices: (count: number) => void },
): Promise<RealFleet> {
  const key = `simulated-${randomBytes(4).toString('hex')}`
  const choosing = kinds.some(({ protocol }) => protocol === 'spoke-zone')
  await api.create('/products', {
    body: {
      key,
      modules: [{ key: MODULE }],
      aliases: { 'enos/product-key': key },
      ...(choosing && { distribution: 'managed' }),
    },
  })
  const image = esp32Image({ version: TARGET_VERSION, project: key.slice(0, 31), size: SIZE })
  await api.upload('/firmware', {
    query: { product: key, module: MODULE, version: TARGET_VERSION, fileName: `${TARGET_VERSION}.bin`, active: true },
    body: pieces([image]),
    size: image.length,
    type: 'application/octet-stream',
  })
  const devices = kinds
    .flatMap((kind) => Array.from({ length: kind.devices }, () => kind))
    .map((kind, index) => ({
      key: `${key}-${index + 1}`,
      kind,
      fate: fates.draw(kind.failureRate).fate,
      secret: randomBytes(20).toString('hex'),
    }))
  for (let at = 0; at < devices.length; at += CHUNK) {
    const some = devices.slice(at, at + CHUNK)
    const lines = Buffer.from(some.map((device) => `${JSON.stringify(lineOf(key, device))}\n`).join(''))
    await api.upload('/devices/import', { body: pieces([lines]), size: lines.length, type: 'application/x-ndjson' })
    onDevices(some.length)
  }
  return { key, devices }
}

async function* pieces(all: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* all
}

function lineOf(product: string, { key, kind, secret }: RealDevice): object {
  return {
    key,
    product,
    attributes: { hardwareRevision: kind.hardwareRevision },
    credentials: credentialsOf({ key, kind, secret }),
  }
}

function credentialsOf({ key, kind, secret }: Pick<RealDevice, 'key' | 'kind' | 'secret'>): object {
  switch (kind.protocol) {
    case 'native':
      return { native: { token: secret } }
    case 'enos':
      return { enos: { deviceKey: key, secret } }
    case 'iotaap':
      return { iotaap: { token: secret.slice(0, 12) } }
    case 'spoke-zone':
      return { spokeZone: { cpuId: secret.slice(0, 20), uuid: secret.slice(20) } }
  }
}

/** The fleet's devices, on sockets. */
export async function connectFleet(
  api: ApiClient,
  fleet: RealFleet,
  onEvent: (event: DeviceEvent) => void,
): Promise<VirtualDevice[]> {
  const url = api.connection.server.href.replace(/\/$/, '')
  const devices: VirtualDevice[] = []
  for (const device of fleet.devices) devices.push(await connectDevice(api, fleet, { device, url, onEvent }))
  return devices
}

async function connectDevice(
  api: ApiClient,
  fleet: RealFleet,
  { device, url, onEvent }: { device: RealDevice; url: string; onEvent: (event: DeviceEvent) => void },
): Promise<VirtualDevice> {
  const { key, kind, fate, secret } = device
  const rollsBack = kind.protocol === 'native' && fate === 'rolls-back'
  const flash = flashOf(rollsBack ? 'good' : fate)
  const common = { url, name: key, version: kind.fromVersion, flash, onEvent }
  switch (kind.protocol) {
    case 'native':
      return createDevice({ protocol: 'native', ...common, token: secret, module: MODULE, rollsBack })
    case 'enos':
      return createDevice({ protocol: 'enos', ...common, device: { productKey: fleet.key, deviceKey: key, secret } })
    case 'iotaap': {
      const id = textAt(await api.get(`/devices/${segment(key)}`), 'id')
      return createDevice({ protocol: 'iotaap', ...common, device: { id, token: secret.slice(0, 12) } })
    }
    case 'spoke-zone': {
      const path = `/devices/${segment(key)}/token`
      const token = textAt(await api.send('POST', path, { query: { protocol: 'spoke-zone' } }), 'token')
      const credentials = { token, cpuId: secret.slice(0, 20), uuid: secret.slice(20) }
      return createDevice({ protocol: 'spoke-zone', ...common, credentials, module: MODULE })
    }
  }
}

/** What a device of a fate writes to. Where a protocol cannot tell of a roll-back, the new bytes are simply bad. */
function flashOf(fate: Fate): Flash {
  switch (fate) {
    case 'good':
      return new HashOnlyFlash()
    case 'fails':
    case 'rolls-back':
      return new CorruptFlash()
    case 'falls-silent':
      return new DyingFlash()
  }
}
