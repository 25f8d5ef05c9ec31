import type { AccessKey, AccessToken } from '../../core/access/access-key.ts'
import type { IdempotentReply } from '../../core/access/access-store.ts'
import type { Account, ApiToken, Membership } from '../../core/account/account.ts'
import type { Assignment } from '../../core/assignment/assignment.ts'
import type { Millis, Serial } from '../../core/common.ts'
import type { DataFile } from '../../core/data-file/data-file.ts'
import type { Credential, Device, DeviceGroup, RunningVersion } from '../../core/device/device.ts'
import type { Alias } from '../../core/device/device-store.ts'
import type { Event } from '../../core/event/event.ts'
import type { Artifact, Firmware } from '../../core/firmware/firmware.ts'
import type { Floor } from '../../core/floor/floor.ts'
import type { Lease } from '../../core/lease/lease.ts'
import type { SeenNode } from '../../core/node/node-store.ts'
import type { Organisation } from '../../core/organisation/organisation.ts'
import type { Module, Product } from '../../core/product/product.ts'
import type { Release } from '../../core/release/release.ts'
import type { RolloutMember } from '../../core/rollout/member.ts'
import { type Approval, isLive, type Rollout, type RolloutState } from '../../core/rollout/rollout.ts'
import type { Tally } from '../../core/rollout/tally.ts'
import { isOpen, type Update } from '../../core/update/update.ts'
import type { DeadLetter, Webhook, WebhookProgress } from '../../core/webhook/webhook.ts'
import { MemoryTable, type Table } from './memory-table.ts'
import { placeKey } from './ordered-index.ts'

/** A fact without a serial of its own. */
export interface Keyed<T> {
  readonly serial: Serial
  readonly row: T
}

export interface OnceClaim {
  readonly purpose: string
  readonly key: string
  readonly expiresAt: Millis
}

export interface BlobRecord {
  readonly sha256: string
  readonly size: number
  readonly touchedAt: Millis
}

/** One key of several parts. None of the parts but the last may hold a `|` that comes from outside. */
export function joined(...parts: readonly (string | number)[]): string {
  let key = String(parts[0])
  for (let index = 1; index < parts.length; index++) key += `|${parts[index]}`
  return key
}

/** The one key of an index that holds some rows and leaves the others out. */
export const LISTED = 1

/** The key of an index by time: coarse, so that it has few keys, and fine, so that each has few rows. */
export function minuteOf(at: Millis): number {
  return Math.floor(at / 60_000)
}

/** Whether devices may meet a rollout in this state. */
export function isOffering(state: RolloutState): boolean {
  return isLive(state) || state === 'stopped'
}

/** Every table, with the unique constraints of the database. */
export function createMemoryTables() {
  return {
    organisations: new MemoryTable<Organisation, 'key' | 'id', never>({
      entity: 'organisation',
      unique: { key: (row) => row.key, id: (row) => row.id },
      groups: {},
    }),
    accounts: new MemoryTable<Account, 'email' | 'id', never>({
      entity: 'account',
      unique: { email: (row) => row.email, id: (row) => row.id },
      groups: {},
    }),
    memberships: new MemoryTable<Keyed<Membership>, 'pair', 'account' | 'organisation'>({
      entity: 'membership',
      unique: { pair: ({ row }) => joined(row.account, row.organisation) },
      groups: { account: ({ row }) => row.account, organisation: ({ row }) => row.organisation },
    }),
    apiTokens: new MemoryTable<ApiToken, 'hash' | 'id', 'account' | 'expiring'>({
      entity: 'token',
      unique: { hash: (row) => row.hash, id: (row) => row.id },
      groups: { account: (row) => row.account, expiring: (row) => (row.expiresAt === null ? null : LISTED) },
    }),
    accessKeys: new MemoryTable<AccessKey, 'key' | 'id', 'organisation'>({
      entity: 'access-key',
      unique: { key: (row) => row.key, id: (row) => row.id },
      groups: { organisation: (row) => row.organisation },
    }),
    accessTokens: new MemoryTable<Keyed<AccessToken>, 'hash' | 'current', 'accessKey'>({
      entity: 'access-token',
      unique: { hash: ({ row }) => row.hash, current: ({ row }) => (row.isCurrent ? row.accessKey : null) },
      groups: { accessKey: ({ row }) => row.accessKey },
    }),
    once: new MemoryTable<Keyed<OnceClaim>, 'claim', never>({
      entity: 'claim',
      unique: { claim: ({ row }) => joined(row.purpose, row.key) },
      groups: {},
    }),
    idempotency: new MemoryTable<Keyed<IdempotentReply>, 'key', 'account'>({
      entity: 'idempotency-key',
      unique: { key: ({ row }) => joined(row.account, row.key) },
      groups: { account: ({ row }) => row.account },
    }),
    products: new MemoryTable<Product, 'key' | 'id', 'organisation' | 'key'>({
      entity: 'product',
      unique: { key: (row) => joined(row.organisation, row.key), id: (row) => row.id },
      groups: { organisation: (row) => row.organisation, key: (row) => row.key },
    }),
    modules: new MemoryTable<Module, 'key' | 'id', 'product'>({
      entity: 'module',
      unique: { key: (row) => joined(row.product, row.key), id: (row) => row.id },
      groups: { product: (row) => row.product },
    }),
    devices: new MemoryTable<Device, 'key' | 'id', 'organisation' | 'product' | 'group'>({
      entity: 'device',
      unique: { key: (row) => joined(row.organisation, row.key), id: (row) => row.id },
      groups: { organisation: (row) => row.organisation, product: (row) => row.product, group: (row) => row.group },
    }),
    groups: new MemoryTable<DeviceGroup, 'key' | 'id', 'organisation'>({
      entity: 'group',
      unique: { key: (row) => joined(row.organisation, row.key), id: (row) => row.id },
      groups: { organisation: (row) => row.organisation },
    }),
    credentials: new MemoryTable<Credential, 'hash' | 'id', 'device' | 'group' | 'expiring'>({
      entity: 'credential',
      unique: {
        hash: (row) => (row.sealed === null ? row.hash && joined(row.scheme, row.hash) : null),
        id: (row) => row.id,
      },
      groups: {
        device: (row) => row.device,
        group: (row) => row.group,
        expiring: (row) => (row.expiresAt === null ? null : LISTED),
      },
    }),
    running: new MemoryTable<Keyed<RunningVersion>, 'pair', 'device' | 'module'>({
      entity: 'running-version',
      unique: { pair: ({ row }) => joined(row.device, row.module) },
      groups: { device: ({ row }) => row.device, module: ({ row }) => row.module },
    }),
    aliases: new MemoryTable<Keyed<Alias>, 'name', 'owner' | 'slotName'>({
      entity: 'alias',
      unique: { name: ({ row }) => joined(row.slot, row.scope, row.name) },
      groups: { owner: ({ row }) => joined(row.kind, row.owner), slotName: ({ row }) => joined(row.slot, row.name) },
    }),
    firmware: new MemoryTable<
      Firmware,
      'version' | 'name' | 'id' | 'fileAlias',
      'organisation' | 'product' | 'module' | 'version'
    >({
      entity: 'firmware',
      unique: {
        version: (row) =>
          row.scope === 'library' ? joined(row.organisation, row.product ?? 0, row.module ?? 0, row.version) : null,
        name: (row) => (row.scope === 'library' ? joined(row.organisation, row.product ?? 0, row.name.default) : null),
        id: (row) => row.id,
        fileAlias: (row) => row.fileAlias,
      },
      groups: {
        organisation: (row) => row.organisation,
        product: (row) => row.product,
        module: (row) => row.module,
        version: (row) => (row.scope === 'library' && row.module !== null ? joined(row.module, row.version) : null),
      },
    }),
    floors: new MemoryTable<Floor, 'firmware' | 'id', 'product'>({
      entity: 'floor',
      unique: { firmware: (row) => row.firmware, id: (row) => row.id },
      groups: { product: (row) => row.product },
    }),
    artifacts: new MemoryTable<Artifact, 'id', 'firmware' | 'sha256'>({
      entity: 'artifact',
      unique: { id: (row) => row.id },
      groups: { firmware: (row) => row.firmware, sha256: (row) => row.sha256 },
    }),
    blobRecords: new MemoryTable<Keyed<BlobRecord>, 'sha256', never>({
      entity: 'blob',
      unique: { sha256: ({ row }) => row.sha256 },
      groups: {},
    }),
    releases: new MemoryTable<Release, 'version' | 'firmware' | 'id', 'named' | 'product'>({
      entity: 'release',
      unique: {
        version: (row) => (row.isSilent ? null : joined(row.organisation, row.product ?? 0, row.version)),
        firmware: (row) => (row.isSilent ? row.firmware[0] : null),
        id: (row) => row.id,
      },
      groups: { named: (row) => (row.isSilent ? null : row.organisation), product: (row) => row.product },
    }),
    assignments: new MemoryTable<Assignment, 'device' | 'group' | 'id', 'organisation' | 'release'>({
      entity: 'assignment',
      unique: { device: (row) => row.device, group: (row) => row.group, id: (row) => row.id },
      groups: { organisation: (row) => row.organisation, release: (row) => row.release },
    }),
    updates: new MemoryTable<
      Update,
      'device' | 'id',
      'organisation' | 'device' | 'release' | 'rollout' | 'confirming' | 'deadline' | 'closed'
    >({
      entity: 'update',
      unique: { device: (row) => (isOpen(row.state) ? row.device : null), id: (row) => row.id },
      groups: {
        organisation: (row) => row.organisation,
        device: (row) => row.device,
        release: (row) => row.release,
        rollout: (row) => row.rollout,
        confirming: (row) => (isOpen(row.state) && row.confirmAfter !== null ? LISTED : null),
        deadline: (row) => (isOpen(row.state) && row.deadline !== null ? minuteOf(row.deadline) : null),
        closed: (row) => (isOpen(row.state) ? null : LISTED),
      },
    }),
    rollouts: new MemoryTable<Rollout, 'key' | 'id', 'organisation' | 'product' | 'offering' | 'release' | 'undoes'>({
      entity: 'rollout',
      unique: { key: (row) => joined(row.organisation, row.key), id: (row) => row.id },
      groups: {
        organisation: (row) => row.organisation,
        product: (row) => row.product,
        offering: (row) => (row.namesDevices || !isOffering(row.state) ? null : row.product),
        release: (row) => row.release,
        undoes: (row) => row.undoes,
      },
    }),
    /** What is left of deleted rollouts, which are gone themselves. */
    buriedRollouts: new MemoryTable<Keyed<Serial>, 'rollout', never>({
      entity: 'rollout',
      unique: { rollout: ({ row }) => row },
      groups: {},
    }),
    rolloutNames: new MemoryTable<Keyed<{ rollout: Serial; name: string }>, 'name', 'rollout' | 'name'>({
      entity: 'rollout',
      unique: { name: ({ row }) => joined(row.rollout, row.name) },
      groups: { rollout: ({ row }) => row.rollout, name: ({ row }) => row.name },
    }),
    rolloutMembers: new MemoryTable<RolloutMember, 'device', 'rollout' | 'device'>({
      entity: 'rollout-member',
      unique: { device: (row) => joined(row.rollout, row.device) },
      groups: {
        rollout: (row) => row.rollout,
        device: (row) => row.device,
      },
      order: (row) => (row.isSettled || row.settleAt === null ? null : placeKey(row.rollout, row.settleAt)),
    }),
    rolloutTallies: new MemoryTable<Keyed<Tally>, 'scope' | 'position', 'rollout'>({
      entity: 'rollout-tally',
      unique: {
        scope: ({ row }) => joined(row.rollout, row.scope),
        position: ({ row }) => (row.position > 0 ? joined(row.rollout, row.position, row.family) : null),
      },
      groups: { rollout: ({ row }) => row.rollout },
    }),
    rolloutApprovals: new MemoryTable<Keyed<Approval>, 'approval', 'rollout'>({
      entity: 'rollout-approval',
      unique: { approval: ({ row }) => joined(row.rollout, row.stage, row.run, row.account) },
      groups: { rollout: ({ row }) => row.rollout },
    }),
    events: new MemoryTable<Event, 'id', 'organisation'>({
      entity: 'event',
      unique: { id: (row) => row.id },
      // 0 is no organisation's serial: the events of the server itself.
      groups: { organisation: (row) => row.organisation ?? 0 },
    }),
    dataFiles: new MemoryTable<DataFile, 'id', 'organisation' | 'device' | 'sha256'>({
      entity: 'data-file',
      unique: { id: (row) => row.id },
      groups: { organisation: (row) => row.organisation, device: (row) => row.device, sha256: (row) => row.sha256 },
    }),
    webhooks: new MemoryTable<Webhook, 'id', 'organisation'>({
      entity: 'webhook',
      unique: { id: (row) => row.id },
      groups: { organisation: (row) => row.organisation },
    }),
    webhookProgress: new MemoryTable<Keyed<WebhookProgress>, 'webhook', never>({
      entity: 'webhook-progress',
      unique: { webhook: ({ row }) => row.webhook },
      groups: {},
    }),
    deadLetters: new MemoryTable<DeadLetter, 'id', 'webhook'>({
      entity: 'dead-letter',
      unique: { id: (row) => row.id },
      groups: { webhook: (row) => row.webhook },
    }),
    settings: new MemoryTable<Keyed<{ name: string; value: string }>, 'name', never>({
      entity: 'setting',
      unique: { name: ({ row }) => row.name },
      groups: {},
    }),
    leases: new MemoryTable<Keyed<Lease & { readonly expiresAt: Millis }>, 'name', never>({
      entity: 'lease',
      unique: { name: ({ row }) => row.name },
      groups: {},
    }),
    nodes: new MemoryTable<Keyed<SeenNode>, 'id', never>({
      entity: 'node',
      unique: { id: ({ row }) => row.id },
      groups: {},
    }),
    tallies: new MemoryTable<Keyed<{ organisation: Serial; name: string; count: number }>, 'name', never>({
      entity: 'tally',
      unique: { name: ({ row }) => joined(row.organisation, row.name) },
      groups: {},
    }),
  }
}

export type MemoryTables = ReturnType<typeof createMemoryTables>

/** The tables as a store sees them: of the open transaction, or of what is committed. */
export type Tables = {
  readonly [N in keyof MemoryTables]: MemoryTables[N] extends MemoryTable<infer T, infer U, infer G>
    ? Table<T, U, G>
    : never
}

/** What is committed, for readers outside a transaction. */
export function committedTables(tables: MemoryTables): Tables {
  return Object.fromEntries(Object.entries(tables).map(([name, table]) => [name, table.committed()])) as Tables
}
