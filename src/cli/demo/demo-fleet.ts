import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { type Esp32ImageOptions, esp32Image } from '../../simulator/images/esp32-image.ts'
import { realImages } from '../../simulator/images/real-images.ts'

/** One image of the demo, on disk. */
export interface DemoImage {
  readonly file: string
  readonly version: string
}

/** What the demo serves and to whom: the fleet file's path and the facts that its devices are built with. */
export interface DemoFleet {
  readonly path: string
  readonly esp32: DemoImage
  readonly esp8266: DemoImage
  readonly display: DemoImage
  readonly controller: DemoImage
  readonly turbine: DemoImage
  readonly tracker: DemoImage
}

export const DEMO_OWNER = { email: 'owner@localhost', password: 'godwit-demo' } as const
export const DEMO_ORGANISATION = 'acme'

/** Names and secrets burnt into the demo's devices. */
export const DEMO_DEVICES = {
  esp32: { key: 'greenhouse-1', id: '5e1b57808711f904f5df4bad', token: 'FSXuSmJRiJ4v' },
  grouped: { key: 'greenhouse-2', id: '5e1b57808711f904f5df4bae', token: 'kT3bQ9xLw0Zc' },
  esp8266: { key: 'doorbell-1', id: '5e1b57808711f904f5df4baf', token: 'a8Rm2VnE5yUo' },
  group: { key: 'greenhouses', id: '5e24a2d05cde30ff0a1ed6aa', token: '0123456789abcdef' },
  truck: { key: 'truck-17', number: 501, cpuId: 'c-0501', uuid: 'u-0501' },
  van: { key: 'van-4', number: 502, cpuId: 'c-0502', uuid: 'u-0502' },
  oldTruck: { key: 'truck-3', number: 503, cpuId: 'c-0503', uuid: 'u-0503' },
  turbine: { key: 'turbine-7', deviceKey: 'dk7', assetId: 'asset-7', secret: 's3cr3t-7' },
  turbineTwo: { key: 'turbine-8', deviceKey: 'dk8', assetId: 'asset-8', secret: 's3cr3t-8' },
  tracker: { key: 'tracker-1', token: 'tracker-1-token-of-forty-characters-0000' },
  accessKey: { key: '11111111-2222-4333-8444-555555555555', secret: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee' },
} as const

/** Writes the images and the fleet file into `folder`. */
export function writeDemoFleet(folder: string): DemoFleet {
  mkdirSync(folder, { recursive: true })
  const real = realImages() ?? []
  const esp = (options: Esp32ImageOptions & { name: string }) => {
    const file = join(folder, options.name)
    writeFileSync(file, esp32Image(options))
    return { file, version: options.version }
  }
  const stm32 = (board: string, otherwise: Esp32ImageOptions & { name: string }) => {
    const image = real.find((one) => one.board === board)
    if (!image) return esp(otherwise)
    const file = join(folder, `${board}-${image.version}.bin`)
    writeFileSync(file, image.bytes)
    return { file, version: image.version }
  }
  const fleet = {
    path: join(folder, 'fleet.yaml'),
    esp32: esp({ name: 'greenhouse-1.4.0.bin', version: '1.4.0', project: 'greenhouse', size: 900_000 }),
    esp8266: esp({ name: 'doorbell-2.1.0.bin', version: '2.1.0', project: 'doorbell', size: 300_000 }),
    display: stm32('primehub', { name: 'display-3.0.0.bin', version: '3.0.0', size: 500_000 }),
    controller: stm32('technichub', { name: 'controller-3.0.0.bin', version: '3.0.0', size: 200_000 }),
    turbine: esp({ name: 'turbine-5.2.0.bin', version: '5.2.0', project: 'turbine', size: 700_000, chip: 'esp32s3' }),
    tracker: esp({ name: 'tracker-1.1.0.bin', version: '1.1.0', project: 'tracker', size: 400_000 }),
  }
  writeFileSync(fleet.path, stringify(describe(fleet)))
  return fleet
}

function describe(fleet: DemoFleet) {
  const d = DEMO_DEVICES
  const esp = (device: { key: string; id: string; token: string }, rest: object) => ({
    key: device.key,
    id: device.id,
    credentials: { iotaap: { token: device.token } },
    ...rest,
  })
  const display = (device: { key: string; number: number; cpuId: string; uuid: string }) => ({
    key: device.key,
    product: 'display',
    credentials: { spokeZone: { id: device.number, cpuId: device.cpuId, uuid: device.uuid } },
  })
  const turbine = (device: { key: string; deviceKey: string; assetId: string; secret: string }) => ({
    key: device.key,
    product: 'turbine',
    credentials: { enos: { deviceKey: device.deviceKey, assetId: device.assetId, secret: device.secret } },
  })
  return {
    organisations: [
      {
        key: DEMO_ORGANISATION,
        name: 'Acme',
        enos: { orgId: 'o15504745674071' },
        accounts: [{ ...DEMO_OWNER, role: 'owner' }],
        accessKeys: [{ ...d.accessKey, permissions: ['read', 'write'] }],
        products: [
          { key: 'greenhouse' },
          { key: 'doorbell' },
          { key: 'display', name: 'Display 7', modules: [{ key: 'display-app' }, { key: 'can-controller1' }] },
          { key: 'turbine', enos: { productKey: 'BXwU4kMk' } },
          { key: 'tracker' },
        ],
        groups: [{ key: d.group.key, id: d.group.id, iotaap: { token: d.group.token } }],
        devices: [
          esp(d.esp32, { product: 'greenhouse' }),
          esp(d.grouped, { product: 'greenhouse', group: d.group.key }),
          esp(d.esp8266, { product: 'doorbell' }),
          display(d.truck),
          display(d.van),
          display(d.oldTruck),
          turbine(d.turbine),
          turbine(d.turbineTwo),
          { key: d.tracker.key, product: 'tracker', credentials: { native: { token: d.tracker.token } } },
        ],
        firmware: [
          { product: 'greenhouse', version: fleet.esp32.version, file: fleet.esp32.file },
          { product: 'doorbell', version: fleet.esp8266.version, file: fleet.esp8266.file },
          { product: 'display', module: 'display-app', version: fleet.display.version, file: fleet.display.file },
          {
            product: 'display',
            module: 'can-controller1',
            version: fleet.controller.version,
            file: fleet.controller.file,
          },
          { product: 'turbine', version: fleet.turbine.version, file: fleet.turbine.file },
          { product: 'tracker', version: fleet.tracker.version, file: fleet.tracker.file },
        ],
        assignments: [
          { device: d.esp32.key, version: fleet.esp32.version },
          { group: d.group.key, product: 'greenhouse', version: fleet.esp32.version },
          { device: d.esp8266.key, version: fleet.esp8266.version },
          { device: d.turbine.key, version: fleet.turbine.version },
          { device: d.turbineTwo.key, version: fleet.turbine.version },
          { device: d.tracker.key, version: fleet.tracker.version },
        ],
      },
    ],
  }
}
