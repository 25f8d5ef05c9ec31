import type { Aliases, Entity, Labels, Millis, Serial } from '../common.ts'

export interface Device extends Entity {
  readonly organisation: Serial
  /** Unique in the organisation. */
  readonly key: string
  readonly name: string
  /** null until known. */
  readonly product: Serial | null
  readonly group: Serial | null
  readonly status: 'active' | 'disabled'
  /** Given by operators. */
  readonly tags: Labels
  /** Reported by the device. */
  readonly attributes: Labels
  readonly aliases: Aliases
  /** Last sign of life over any protocol; written behind, at most a minute late. null = never. */
  readonly lastSeenAt: Millis | null
}

/** An explicit set of devices; a device is in at most one. */
export interface DeviceGroup extends Entity {
  readonly organisation: Serial
  /** Unique in the organisation. */
  readonly key: string
  readonly name: string
}

/** What one module of a device runs, as last reported. */
export interface RunningVersion {
  readonly device: Serial
  readonly module: Serial
  readonly version: string
  /** What ran before; null = unknown. */
  readonly previousVersion: string | null
  readonly reportedAt: Millis
}

/** How a device (or a group) proves itself over one protocol. */
export interface Credential extends Entity {
  readonly organisation: Serial
  /** Exactly one of device and group is set. */
  readonly device: Serial | null
  readonly group: Serial | null
  /** The protocol: `native`, `iotaap`, `spoke-zone`, `enos`, `hawkbit`. */
  readonly scheme: string
  /** SHA-256 (hex) of a token. Where nothing is sealed beside it, it is a bearer token and unique per scheme. */
  readonly hash: string | null
  /** What the protocol must show or compute with, sealed; null where only the hash is needed. */
  readonly sealed: string | null
  /** Raised to refuse every signed token issued before. */
  readonly generation: number
  /** During rotation the old credential lives on until then; null = for ever. */
  readonly expiresAt: Millis | null
  /** Public facts of the scheme (`cpuId`, `uuid`), never a secret. */
  readonly details: Labels
}
