import type { SimulatorClock } from './clock.ts'
import type { Flash } from './flash.ts'
import type { TlsTrust } from './wire/http-target.ts'

export type DeviceProtocol = 'iotaap' | 'iotaap-esp8266' | 'spoke-zone' | 'spoke-zone-v1' | 'enos' | 'native'

export type Phase =
  | 'checking'
  | 'offered'
  | 'downloading'
  | 'verifying'
  | 'installing'
  | 'rebooted'
  | 'up-to-date'
  | 'nothing'
  | 'failed'

/** One line of news from a device, whole in itself: a table needs only the last one of each device. */
export interface DeviceEvent {
  readonly device: string
  readonly protocol: DeviceProtocol
  readonly phase: Phase
  /** The version that runs now. */
  readonly version: string
  /** The version that the device is moving to, once it knows. */
  readonly target?: string
  /** Percent of the download, 0 to 100. */
  readonly progress?: number
  readonly detail?: string
}

/** How one check ended. Whatever a server does, `run` answers with one of these and does not throw. */
export interface Outcome {
  readonly kind: 'updated' | 'up-to-date' | 'nothing' | 'failed'
  /** The device's own code (IoTaaP's -1xx, an HTTP status, an EnOS step) or a word; always there on `failed`. */
  readonly code?: number | string
  readonly detail: string
  /** The version that runs afterwards. */
  readonly version: string
  /** Of the bytes now running, lower-case hex; absent while the device still runs what it was built with. */
  readonly sha256?: string
  /** Bytes now running; absent as for `sha256`. */
  readonly size?: number
  /** Download requests sent during this run, pieces and resumptions counted one by one. */
  readonly downloads: number
}

export interface VirtualDevice {
  readonly name: string
  readonly protocol: DeviceProtocol
  readonly version: string
  readonly flash: Flash
  /** One check, with the update that follows from it. Not reentrant: await one run before the next. */
  run(): Promise<Outcome>
}

/** What every kind of device takes. */
export interface CommonDeviceOptions {
  /** Base address of the server; a trailing slash stays and doubles the first slash of every path, as on real devices. */
  readonly url: string
  /** Shown in events; default: the device's id. */
  readonly name?: string
  /** The version that runs at first. */
  readonly version: string
  readonly tls?: TlsTrust
  readonly flash?: Flash
  readonly clock?: SimulatorClock
  /** Slows downloads down to a small device's speed; default: as fast as they come. */
  readonly bytesPerSecond?: number
  readonly onEvent?: (event: DeviceEvent) => void
}
