import type { DeviceEvent, VirtualDevice } from '../../simulator/device.ts'
import { createDevice, type DeviceSpec } from '../../simulator/fleet.ts'
import { DEMO_DEVICES, type DemoFleet } from './demo-fleet.ts'

/** A device with the file on disk whose bytes it must end with. */
export interface DemoDevice {
  readonly device: VirtualDevice
  readonly target: string
}

/** Builds the demo's devices: every protocol, and in each what its contract allows. */
export function createDemoDevices(
  fleet: DemoFleet,
  options: { url: string; tokens: Readonly<Record<string, string>>; onEvent: (event: DeviceEvent) => void },
): DemoDevice[] {
  const { url, onEvent } = options
  const d = DEMO_DEVICES
  const common = (name: string) => ({ url, name, onEvent })
  const group = { id: d.group.id, token: d.group.token }
  const display = (device: { key: string; cpuId: string; uuid: string }) => ({
    ...common(device.key),
    version: '1.0.0',
    credentials: { token: options.tokens[device.key] ?? '', cpuId: device.cpuId, uuid: device.uuid },
  })
  const turbine = (device: { key: string; deviceKey: string; secret: string }) => ({
    ...common(device.key),
    version: '5.1.9',
    device: { productKey: 'BXwU4kMk', deviceKey: device.deviceKey, secret: device.secret },
  })
  const make = (target: string, spec: DeviceSpec): DemoDevice => ({ device: createDevice(spec), target })
  return [
    make(fleet.esp32.file, { protocol: 'iotaap', ...common(d.esp32.key), version: '1.3.9', device: d.esp32 }),
    make(fleet.esp32.file, {
      protocol: 'iotaap',
      ...common(d.grouped.key),
      version: '1.3.9',
      device: d.grouped,
      group,
    }),
    make(fleet.esp8266.file, {
      protocol: 'iotaap-esp8266',
      ...common(d.esp8266.key),
      version: '2.0.0',
      device: d.esp8266,
    }),
    make(fleet.display.file, { protocol: 'spoke-zone', ...display(d.truck), module: 'display-app', cutAt: 50_000 }),
    make(fleet.controller.file, { protocol: 'spoke-zone', ...display(d.van), module: 'can-controller1' }),
    make(fleet.display.file, { protocol: 'spoke-zone-v1', ...display(d.oldTruck), module: 'display-app' }),
    make(fleet.turbine.file, { protocol: 'enos', ...turbine(d.turbine) }),
    make(fleet.turbine.file, { protocol: 'enos', ...turbine(d.turbineTwo), pull: false }),
    make(fleet.tracker.file, {
      protocol: 'native',
      ...common(d.tracker.key),
      version: '1.0.0',
      token: d.tracker.token,
      cutAt: 100_000,
    }),
  ]
}
