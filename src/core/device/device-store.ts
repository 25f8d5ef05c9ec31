import type { Id, Millis, New, Patch, Serial, Slice } from '../common.ts'
import type { Filter } from '../filter/filter.ts'
import type { Credential, Device, DeviceGroup, RunningVersion } from './device.ts'

export interface DeviceFilter {
  readonly organisation: Serial
  readonly product?: Serial
  readonly group?: Serial
  readonly status?: Device['status']
  /** Case-insensitive literal substring of key or name. */
  readonly search?: string
  /** As `search`, of the name alone. */
  readonly nameContains?: string
  /** Only these, at most 1,000. */
  readonly serials?: readonly Serial[]
  /** Only devices that `matchesFilter` accepts. */
  readonly where?: Filter
  /** Only devices that are no members of this rollout. */
  readonly outside?: Serial
}

/** A device and what its modules run. */
export interface DeviceVersions {
  readonly device: Device
  /** By module; rows of a product that the device had before may be among them. */
  readonly running: readonly RunningVersion[]
}

/** What of a device does not change while it calls. */
export type Caller = Pick<Device, 'serial' | 'id' | 'key' | 'organisation'>

/** The owner of a bearer token. */
export interface TokenOwner {
  readonly hash: string
  readonly expiresAt: Millis | null
  readonly device: Caller
}

export interface DeviceStore {
  /** Throws `conflict` (details.field `key`, `id` or `serial`) when taken. */
  insert(row: New<Device>): Promise<Device>
  /** As `insert` for many, in order; all or none. */
  insertMany(rows: readonly New<Device>[]): Promise<Device[]>
  find(serial: Serial): Promise<Device | undefined>
  findById(organisation: Serial, id: Id): Promise<Device | undefined>
  /** For protocols whose devices name themselves without an organisation. Ids are unique on the server. */
  findByIdOnServer(id: Id): Promise<Device | undefined>
  findByKey(organisation: Serial, key: string): Promise<Device | undefined>
  /** All that have one of these names, each once, in no particular order; ids and serials are unique on the server. */
  listNamed(names: DeviceNames): Promise<Device[]>
  /** The devices of bearer tokens (as `CredentialStore.findByHash`), also of expired ones; in no particular order. */
  listByTokens(scheme: string, hashes: readonly string[]): Promise<TokenOwner[]>
  update(serial: Serial, patch: Patch<Device>, ifRevision?: number): Promise<Device | undefined>
  /**
   * Waits until no other transaction is giving the device anything that refers to it (an update, say), and keeps others
   * from it until the end of this one. Comes before the lock of a rollout's counters. False when there is no such device.
   */
  lock(serial: Serial): Promise<boolean>
  /** Removes the device with its credentials, running versions, assignment, updates and aliases. */
  delete(serial: Serial): Promise<void>
  list(filter: DeviceFilter, slice: Slice): Promise<Device[]>
  count(filter: DeviceFilter): Promise<number>
  /**
   * As `list`, with what each device runs: two statements for up to 1,000 devices, so that a whole fleet can be gone
   * through in batches.
   */
  listFacts(filter: DeviceFilter, slice: Slice): Promise<DeviceVersions[]>
  /** Moves `lastSeenAt` forward for many devices; changes no revision, and costs as much as there are devices. */
  touch(seen: ReadonlyArray<{ device: Serial; at: Millis }>): Promise<void>
  /** Takes every member out of a group. */
  clearGroup(group: Serial): Promise<number>
}

export interface DeviceNames {
  /** Of the keys. */
  readonly organisation: Serial
  readonly keys: readonly string[]
  readonly ids: readonly Id[]
  readonly serials: readonly Serial[]
}

export interface GroupStore {
  insert(row: New<DeviceGroup>): Promise<DeviceGroup>
  find(serial: Serial): Promise<DeviceGroup | undefined>
  findById(organisation: Serial, id: Id): Promise<DeviceGroup | undefined>
  findByIdOnServer(id: Id): Promise<DeviceGroup | undefined>
  findByKey(organisation: Serial, key: string): Promise<DeviceGroup | undefined>
  update(serial: Serial, patch: Patch<DeviceGroup>, ifRevision?: number): Promise<DeviceGroup | undefined>
  /** Removes the group with its credentials and assignment. The caller clears the members first. */
  delete(serial: Serial): Promise<void>
  list(filter: { organisation: Serial; search?: string }, slice: Slice): Promise<DeviceGroup[]>
  count(filter: { organisation: Serial; search?: string }): Promise<number>
}

export interface CredentialStore {
  /** Throws `conflict` (details.field `hash`) when another bearer token (unsealed hash) of the scheme is the same. */
  insert(row: New<Credential>): Promise<Credential>
  /** As `insert` for many, in order; all or none. */
  insertMany(rows: readonly New<Credential>[]): Promise<Credential[]>
  find(serial: Serial): Promise<Credential | undefined>
  /** A bearer token's credential; sealed secrets may be equal and are not found this way. */
  findByHash(scheme: string, hash: string): Promise<Credential | undefined>
  /** As `findByHash` for many; in no particular order. */
  listByHashes(scheme: string, hashes: readonly string[]): Promise<Credential[]>
  /** Oldest first; all schemes when none is given. */
  listByDevice(device: Serial, scheme?: string): Promise<Credential[]>
  listByGroup(group: Serial, scheme?: string): Promise<Credential[]>
  /** The scheme of each credential of these devices; of one device the oldest first. */
  listSchemes(devices: readonly Serial[]): Promise<Array<{ device: Serial; scheme: string }>>
  update(serial: Serial, patch: Patch<Credential>): Promise<Credential | undefined>
  delete(serial: Serial): Promise<void>
  deleteExpired(before: Millis): Promise<number>
}

export interface RunningStore {
  /** Inserts or replaces; keeps the replaced version as `previousVersion` when it differs. Returns the row as stored. */
  put(row: Omit<RunningVersion, 'previousVersion'>): Promise<RunningVersion>
  listByDevice(device: Serial): Promise<RunningVersion[]>
  /** Of many devices at once. */
  listByDevices(devices: readonly Serial[]): Promise<RunningVersion[]>
  /** Whether some device could be sent back to this version of a module: it ran before what runs now. */
  isPrevious(module: Serial, version: string): Promise<boolean>
  /** Distinct versions that modules of a product now run, sorted by code point. */
  versionsOfProduct(product: Serial): Promise<string[]>
  /** Devices with a running version on the primary module of their product, for searches; by device serial. */
  listReporting(filter: ReportingFilter, slice: Slice): Promise<Serial[]>
}

export interface ReportingFilter {
  readonly organisation: Serial
  readonly products?: readonly Serial[]
  readonly versions?: readonly string[]
  /** Only devices with (true) or without (false) an update in one of `upgradingStates`. */
  readonly isUpgrading?: boolean
}

/** Unique names of vendors' devices and programs; see `Aliases`. */
export interface AliasStore {
  /** Throws `conflict` (details.field = slot) when another owner has the name in this scope. */
  claim(alias: Alias): Promise<void>
  /** As `claim` for many, all or none; no two may be of one name. */
  claimMany(aliases: readonly Alias[]): Promise<void>
  release(kind: Alias['kind'], owner: Serial): Promise<void>
  find(slot: string, scope: Serial, name: string): Promise<Alias | undefined>
  /** As `find` for many; in no particular order. */
  listNamed(names: ReadonlyArray<Pick<Alias, 'slot' | 'scope' | 'name'>>): Promise<Alias[]>
  /** Whoever has the name in any scope, by scope, at most `limit`: for callers that name no organisation. */
  findInAllScopes(slot: string, name: string, limit: number): Promise<Alias[]>
}

export interface Alias {
  readonly slot: string
  /** 0 = unique on the server, else the serial of the organisation or product within which it is unique. */
  readonly scope: Serial
  readonly name: string
  readonly kind: 'organisation' | 'product' | 'device'
  readonly owner: Serial
}
