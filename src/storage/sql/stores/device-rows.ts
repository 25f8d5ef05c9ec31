import type { Credential, Device, DeviceGroup } from '../../../core/device/device.ts'
import { EntityTable } from '../entity-table.ts'
import type { Row } from '../schema.ts'
import { folded, fromJson, toJson } from '../values.ts'

/** Tables that more than one store reads. */

export const DEVICES = new EntityTable<'devices', Device>({
  table: 'devices',
  uniques: [{ field: 'key', columns: ['organisation', 'key'] }],
  toColumns: ({ organisation, key, name, product, group, status, tags, attributes, aliases, lastSeenAt }) => ({
    organisation,
    key,
    name,
    key_folded: folded(key),
    name_folded: folded(name),
    product,
    device_group: group,
    status,
    tags: toJson(tags),
    attributes: toJson(attributes),
    aliases: toJson(aliases),
    last_seen_at: lastSeenAt,
  }),
  toEntity: toDevice,
})

export const GROUPS = new EntityTable<'device_groups', DeviceGroup>({
  table: 'device_groups',
  uniques: [{ field: 'key', columns: ['organisation', 'key'] }],
  toColumns: ({ organisation, key, name }) => ({
    organisation,
    key,
    name,
    key_folded: folded(key),
    name_folded: folded(name),
  }),
  toEntity: toGroup,
})

export const CREDENTIALS = new EntityTable<'credentials', Credential>({
  table: 'credentials',
  uniques: [{ field: 'hash', columns: ['scheme', 'hash'], among: { sealed: null } }],
  toColumns: ({ organisation, device, group, scheme, hash, sealed, generation, expiresAt, details }) => ({
    organisation,
    device,
    device_group: group,
    scheme,
    hash,
    sealed,
    generation,
    expires_at: expiresAt,
    details: toJson(details),
  }),
  toEntity: toCredential,
})

export function toDevice(row: Row<'devices'>): Device {
  return {
    serial: row.serial,
    id: row.id,
    createdAt: row.created_at,
    revision: row.revision,
    organisation: row.organisation,
    key: row.key,
    name: row.name,
    product: row.product,
    group: row.device_group,
    status: row.status,
    tags: fromJson(row.tags),
    attributes: fromJson(row.attributes),
    aliases: fromJson(row.aliases),
    lastSeenAt: row.last_seen_at,
  }
}

export function toGroup(row: Row<'device_groups'>): DeviceGroup {
  return {
    serial: row.serial,
    id: row.id,
    createdAt: row.created_at,
    revision: row.revision,
    organisation: row.organisation,
    key: row.key,
    name: row.name,
  }
}

export function toCredential(row: Row<'credentials'>): Credential {
  return {
    serial: row.serial,
    id: row.id,
    createdAt: row.created_at,
    revision: row.revision,
    organisation: row.organisation,
    device: row.device,
    group: row.device_group,
    scheme: row.scheme,
    hash: row.hash,
    sealed: row.sealed,
    generation: row.generation,
    expiresAt: row.expires_at,
    details: fromJson(row.details),
  }
}
