import { type RawBuilder, type SelectQueryBuilder, sql } from 'kysely'
import type { TimeSlice } from '../../../core/common.ts'
import type {
  AssignmentHolder,
  AssignmentHolderFilter,
  DeviceHolder,
  GroupHolder,
  HolderFilter,
  HolderStore,
} from '../../../core/device/holder-store.ts'
import type { Schema } from '../schema.ts'
import { contains } from '../search.ts'
import { SecondRow } from '../second-row.ts'
import type { Session } from '../session.ts'
import { timeSliced } from '../slice.ts'
import { unindexed } from '../unindexed.ts'
import { toAssignment } from './assignment-rows.ts'
import { toCredential, toDevice, toGroup } from './device-rows.ts'

const CREDENTIAL = new SecondRow('credentials', {
  serial: true,
  id: true,
  created_at: true,
  revision: true,
  organisation: true,
  device: true,
  device_group: true,
  scheme: true,
  hash: true,
  sealed: true,
  generation: true,
  expires_at: true,
  details: true,
})

type Holders<T extends keyof Schema, O> = SelectQueryBuilder<Schema, T | 'credentials', O>

export class SqlHolderStore implements HolderStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async devices(filter: HolderFilter, slice: TimeSlice): Promise<DeviceHolder[]> {
    const query = this.#devices(filter)
      .leftJoin('device_groups', 'device_groups.serial', 'devices.device_group')
      .selectAll('devices')
      .select('device_groups.id as group_id')
      .select(CREDENTIAL.columns)
    const page = timeSliced(query, { time: 'devices.created_at', id: 'devices.id' }, slice)
    const rows = await this.#session.all(page.compile())
    return rows.map((row) => ({ device: toDevice(row), groupId: row.group_id, credential: credentialOf(row) }))
  }

  countDevices(filter: HolderFilter): Promise<number> {
    return this.#count(this.#devices(filter))
  }

  async groups(filter: HolderFilter, slice: TimeSlice): Promise<GroupHolder[]> {
    const query = this.#groups(filter).selectAll('device_groups').select(CREDENTIAL.columns)
    const page = timeSliced(query, { time: 'device_groups.created_at', id: 'device_groups.id' }, slice)
    const rows = await this.#session.all(page.compile())
    return rows.map((row) => ({ group: toGroup(row), credential: credentialOf(row) }))
  }

  countGroups(filter: HolderFilter): Promise<number> {
    return this.#count(this.#groups(filter))
  }

  async assignments(filter: AssignmentHolderFilter, slice: TimeSlice): Promise<AssignmentHolder[]> {
    const owner = filter.target === 'device' ? 'devices' : 'device_groups'
    const query = this.#assignments(filter)
      .selectAll('assignments')
      .select('releases.version as release_version')
      .select(sql.ref<string>(`${owner}.id`).as('target_id'))
      .select(CREDENTIAL.columns)
    const page = timeSliced(query, { time: 'assignments.assigned_at', id: 'assignments.id' }, slice)
    const rows = await this.#session.all(page.compile())
    return rows.map((row) => ({
      assignment: toAssignment(row),
      targetId: row.target_id,
      version: row.release_version,
      credential: credentialOf(row),
    }))
  }

  countAssignments(filter: AssignmentHolderFilter): Promise<number> {
    return this.#count(this.#assignments(filter))
  }

  async #count<T extends keyof Schema>(query: Holders<T, object>): Promise<number> {
    const counted = await this.#session.first(query.select(sql<number>`count(*)`.as('count')).compile())
    return (counted as { count: number } | undefined)?.count ?? 0
  }

  /** Joins each owner with the newest of its credentials that are alive, and drops owners without any. */
  #isNewest(
    reference: 'device' | 'device_group',
    owner: string,
    { scheme, now }: Pick<HolderFilter, 'scheme' | 'now'>,
  ): RawBuilder<boolean> {
    const isAlive = (name: string) => sql`${unindexed(this.#session, `${name}.scheme`)} = ${scheme}
      and (${sql.ref(`${name}.expires_at`)} is null or ${sql.ref(`${name}.expires_at`)} > ${now})`
    return sql<boolean>`${sql.ref(`credentials.${reference}`)} = ${sql.ref(owner)} and ${isAlive('credentials')}
      and not exists (
        select 1 from credentials as newer
        where ${sql.ref(`newer.${reference}`)} = ${sql.ref(`credentials.${reference}`)} and ${isAlive('newer')}
          and newer.serial > credentials.serial)`
  }

  #devices({ organisation, id, nameContains, group, ...held }: HolderFilter) {
    let query = this.#session.compiler
      .selectFrom('devices')
      .innerJoin('credentials', (join) => join.on(this.#isNewest('device', 'devices.serial', held)))
      .where('devices.organisation', '=', organisation)
    if (id !== undefined) query = query.where('devices.id', '=', id)
    if (group !== undefined) query = query.where('devices.device_group', '=', group)
    if (nameContains !== undefined) query = query.where(contains(['devices.name_folded'], nameContains))
    return query
  }

  #groups({ organisation, id, nameContains, ...held }: HolderFilter) {
    let query = this.#session.compiler
      .selectFrom('device_groups')
      .innerJoin('credentials', (join) => join.on(this.#isNewest('device_group', 'device_groups.serial', held)))
      .where('device_groups.organisation', '=', organisation)
    if (id !== undefined) query = query.where('device_groups.id', '=', id)
    if (nameContains !== undefined) query = query.where(contains(['device_groups.name_folded'], nameContains))
    return query
  }

  #assignments({ organisation, target, ...held }: AssignmentHolderFilter) {
    const reference = target === 'device' ? 'device' : 'device_group'
    return this.#session.compiler
      .selectFrom('assignments')
      .leftJoin('devices', 'devices.serial', 'assignments.device')
      .leftJoin('device_groups', 'device_groups.serial', 'assignments.device_group')
      .innerJoin('releases', 'releases.serial', 'assignments.release')
      .innerJoin('credentials', (join) => join.on(this.#isNewest(reference, `assignments.${reference}`, held)))
      .where('assignments.organisation', '=', organisation)
      .where(`assignments.${reference}`, 'is not', null)
  }
}

function credentialOf(row: object) {
  return toCredential(CREDENTIAL.of(row))
}
