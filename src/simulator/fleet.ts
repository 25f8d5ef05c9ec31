import type { Outcome, VirtualDevice } from './device.ts'
import { EnosDevice, type EnosDeviceOptions } from './devices/enos-device.ts'
import { IotaapEsp32, type IotaapEsp32Options } from './devices/iotaap-esp32.ts'
import { IotaapEsp8266, type IotaapEsp8266Options } from './devices/iotaap-esp8266.ts'
import { NativeDevice, type NativeDeviceOptions } from './devices/native-device.ts'
import { SpokeZoneDevice, type SpokeZoneDeviceOptions } from './devices/spoke-zone-device.ts'
import { SpokeZoneV1Device } from './devices/spoke-zone-v1-device.ts'

/** A device as a plain object. */
export type DeviceSpec =
  | ({ readonly protocol: 'iotaap' } & IotaapEsp32Options)
  | ({ readonly protocol: 'iotaap-esp8266' } & IotaapEsp8266Options)
  | ({ readonly protocol: 'spoke-zone' | 'spoke-zone-v1' } & SpokeZoneDeviceOptions)
  | ({ readonly protocol: 'enos' } & EnosDeviceOptions)
  | ({ readonly protocol: 'native' } & NativeDeviceOptions)

/** Throws `TypeError` on an address that is none. */
export function createDevice(spec: DeviceSpec): VirtualDevice {
  switch (spec.protocol) {
    case 'iotaap':
      return new IotaapEsp32(spec)
    case 'iotaap-esp8266':
      return new IotaapEsp8266(spec)
    case 'spoke-zone':
      return new SpokeZoneDevice(spec)
    case 'spoke-zone-v1':
      return new SpokeZoneV1Device(spec)
    case 'enos':
      return new EnosDevice(spec)
    case 'native':
      return new NativeDevice(spec)
  }
}

export interface FleetResult {
  readonly device: VirtualDevice
  readonly outcome: Outcome
}

export interface FleetSummary {
  readonly devices: number
  readonly updated: number
  readonly upToDate: number
  readonly nothing: number
  readonly failed: number
  readonly downloads: number
  /** Bytes that updated devices flashed. */
  readonly bytes: number
  readonly seconds: number
}

export interface FleetOptions {
  /** Devices under way at once; default 16. */
  readonly concurrency?: number
  /** No further device starts once it is aborted; those under way end. */
  readonly signal?: AbortSignal
  readonly onOutcome?: (result: FleetResult) => void
}

/** Runs every device once. Results come in the order of the devices; those that were never started are left out. */
export async function runFleet(
  devices: readonly VirtualDevice[],
  options: FleetOptions = {},
): Promise<{ results: FleetResult[]; summary: FleetSummary }> {
  const startedAt = performance.now()
  const slots: (FleetResult | undefined)[] = devices.map(() => undefined)
  const waiting = devices.entries()
  const lane = async (): Promise<void> => {
    for (const [index, device] of waiting) {
      if (options.signal?.aborted === true) return
      const result = { device, outcome: await device.run() }
      slots[index] = result
      options.onOutcome?.(result)
    }
  }
  const lanes = Math.max(1, Math.min(options.concurrency ?? 16, devices.length))
  await Promise.all(Array.from({ length: lanes }, lane))
  const results = slots.filter((result) => result !== undefined)
  const seconds = (performance.now() - startedAt) / 1000
  return { results, summary: summarise(results, seconds) }
}

/** Counts by kind. */
export function summarise(results: readonly FleetResult[], seconds: number): FleetSummary {
  const count = (kind: Outcome['kind']): number => results.filter(({ outcome }) => outcome.kind === kind).length
  const updated = results.filter(({ outcome }) => outcome.kind === 'updated')
  return {
    devices: results.length,
    updated: updated.length,
    upToDate: count('up-to-date'),
    nothing: count('nothing'),
    failed: count('failed'),
    downloads: results.reduce((sum, { outcome }) => sum + outcome.downloads, 0),
    bytes: updated.reduce((sum, { outcome }) => sum + (outcome.size ?? 0), 0),
    seconds,
  }
}
