import { join } from 'node:path'
import { Kysely } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TemporaryFolder, temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { parseFilter } from '../../core/filter/parse-filter.ts'
import type { Stores } from '../../core/ports.ts'
import { sqliteDialect } from './dialects/sqlite.ts'
import { migrate } from './migrate.ts'
import { nodeSqliteDialect } from './node-sqlite-dialect.ts'
import { Session } from './session.ts'
import { createSqlStores } from './sql-stores.ts'
import { SqliteConnection } from './sqlite-connection.ts'

const page = { limit: 50, after: 7 }
const held = { organisation: 1, scheme: 'native', now: 1 }
const FILTER = 'tag.site = "graz" and product = "p" and group = "g" and version = "1" and version.app exists'
const claim = { rollout: 1, scope: 'rollout', now: 1, grant: 'first', isVerifiable: true } as const
const after = { limit: 50, after: { at: 1, id: 'x' } }

/** What each question may cost at most: a search in these indexes, and never a walk over a table. */
const PLANS: ReadonlyArray<[question: string, ask: (stores: Stores) => Promise<unknown>, indexes: readonly string[]]> =
  [
    ['a device', (s) => s.devices.find(1), ['PRIMARY KEY']],
    ['devices that were seen', (s) => s.devices.touch([{ device: 1, at: 1 }]), ['PRIMARY KEY']],
    ['owners of tokens', (s) => s.devices.listByTokens('a', ['b']), ['credentials__hash', 'PRIMARY KEY']],
    ['updates that are reported on', (s) => s.updates.lockByIds(['x']), ['updates__id']],
    ['a device by id', (s) => s.devices.findByIdOnServer('x'), ['devices__id']],
    ['a device by key', (s) => s.devices.findByKey(1, 'x'), ['devices__key']],
    ['credentials of a device', (s) => s.credentials.listByDevice(1), ['credentials_by_device_serial']],
    ['credentials of a group', (s) => s.credentials.listByGroup(1), ['credentials_by_device_group_serial']],
    ['a credential by hash', (s) => s.credentials.findByHash('a', 'b'), ['credentials__hash']],
    ['running versions', (s) => s.running.listByDevice(1), ['running_versions_1']],
    [
      'versions of a product',
      (s) => s.running.versionsOfProduct(1),
      ['modules_by_product', 'by_module_version', 'by_module_version'],
    ],
    ['assignment of a device', (s) => s.assignments.findByDevice(1), ['assignments__device']],
    ['assignment of a group', (s) => s.assignments.findByGroup(1), ['assignments__group']],
    ['assignments of a release', (s) => s.assignments.countByRelease(1), ['assignments_by_release_serial']],
    ['the open update', (s) => s.updates.findOpen(1), ['updates__device']],
    ['the latest update', (s) => s.updates.findLatest(1), ['updates_by_device_serial']],
    ['the latest success', (s) => s.updates.findLatestSucceeded(1), ['updates_by_device_serial']],
    ['the latest updates', (s) => s.updates.listLatest([1, 2]), ['PRIMARY KEY', 'updates_by_device_serial']],
    ['updates by serial', (s) => s.updates.listBySerials([1, 2]), ['PRIMARY KEY']],
    [
      'assignments of devices',
      (s) => s.assignments.listByTargets({ devices: [1, 2], groups: [] }),
      ['assignments__device'],
    ],
    [
      'assignments of groups',
      (s) => s.assignments.listByTargets({ devices: [], groups: [1, 2] }),
      ['assignments__group'],
    ],
    ['schemes of devices', (s) => s.credentials.listSchemes([1, 2]), ['credentials_by_device_serial']],
    [
      'devices by serial',
      (s) => s.devices.list({ organisation: 1, product: 1, serials: [1, 2] }, page),
      ['PRIMARY KEY'],
    ],
    ['updates of a device', (s) => s.updates.list({ organisation: 1, device: 1 }, page), ['updates_by_device_serial']],
    ['open updates', (s) => s.updates.list({ organisation: 1, states: ['offered'] }, page), ['organisation_is_open']],
    [
      'updates of a release',
      (s) => s.updates.list({ organisation: 1, release: 1 }, page),
      ['updates_by_release_serial'],
    ],
    [
      'updates of a rollout',
      (s) => s.updates.list({ organisation: 1, rollout: 1 }, page),
      ['updates_by_rollout_serial'],
    ],
    ['updates that are due', (s) => s.updates.listDue(1, 10), ['updates_by_confirm_after']],
    ['updates that are overdue', (s) => s.updates.listOverdue(1, 10), ['updates_by_deadline']],
    ['a rollout', (s) => s.rollouts.find(1), ['PRIMARY KEY']],
    ['a rollout by key', (s) => s.rollouts.findByKey(1, 'x'), ['rollouts__key']],
    [
      'what a device may meet',
      (s) => s.rollouts.listOffering(1, { live: 20, stopped: 5 }),
      ['rollouts_by_product_live', 'rollouts_by_product_stopped'],
    ],
    ['rollouts', (s) => s.rollouts.list({ organisation: 1, search: 'x' }, page), ['rollouts_by_organisation_serial']],
    [
      'rollouts of a product',
      (s) => s.rollouts.list({ organisation: 1, product: 1, states: ['running'] }, page),
      ['rollouts_by_product_serial'],
    ],
    ['rollouts of a release', (s) => s.rollouts.countByRelease(1), ['rollouts_by_release_serial']],
    ['rollouts in a state', (s) => s.rollouts.listInStates(['running'], page), ['rollouts_by_state_serial']],
    ['rollouts at work', (s) => s.rollouts.listAtWork(10), ['rollouts_by_cancelling', 'rollouts_by_is_taking']],
    ['approvals', (s) => s.rollouts.listApprovals(1), ['rollout_approvals_1']],
    ['a member', (s) => s.rolloutMembers.find(1, 1), ['rollout_members__device']],
    ['memberships of a device', (s) => s.rolloutMembers.listByDevice(1, [1, 2, 3]), ['rollout_members__device']],
    ['members among devices', (s) => s.rolloutMembers.listByDevices(1, [1, 2]), ['rollout_members__device']],
    ['a change of a member', (s) => s.rolloutMembers.update(1, { state: 'open' }), ['PRIMARY KEY']],
    ['members', (s) => s.rolloutMembers.list({ rollout: 1 }, page), ['rollout_members_by_rollout_serial']],
    [
      'members in a state',
      (s) => s.rolloutMembers.list({ rollout: 1, states: ['open'] }, page),
      ['rollout_members_by_rollout_state_serial'],
    ],
    [
      'members that were left out',
      (s) => s.rolloutMembers.list({ rollout: 1, isExcluded: true }, page),
      ['rollout_members_by_rollout_excluded'],
    ],
    [
      'members by what they are like',
      (s) => s.rolloutMembers.search({ rollouts: [1], like: [{ states: ['open'], updateStates: ['offered'] }] }, page),
      ['rollout_members_by_rollout', 'updates USING INTEGER PRIMARY KEY'],
    ],
    [
      'some members of many rollouts',
      (s) => s.rolloutMembers.search({ rollouts: [1, 2, 3], devices: [1, 2] }, page),
      ['rollout_members__device (device=? AND rollout=?)', 'updates USING INTEGER PRIMARY KEY'],
    ],
    [
      'devices outside a rollout',
      (s) => s.devices.list({ organisation: 1, product: 1, outside: 1 }, page),
      ['devices_by_product_serial', 'rollout_members__device'],
    ],
    [
      'rollouts that settle',
      (s) => s.rolloutMembers.listSettling(1, 10),
      ['rollout_members_by_rollout_settle_at', 'rollout_members_by_rollout_settle_at'],
    ],
    ['members whose time is over', (s) => s.rolloutMembers.listDue(1, 1, 10), ['rollout_members_by_rollout_settle_at']],
    [
      'members that settle',
      (s) => s.rolloutMembers.settle([1, 2], [2]),
      ['rollout_members USING INTEGER PRIMARY KEY', 'rollout_members USING INTEGER PRIMARY KEY'],
    ],
    ['a recount', (s) => s.rolloutMembers.recount(1), ['rollout_members_by_rollout_state_serial']],
    [
      'devices on which a release was verified',
      (s) => s.rolloutMembers.countVerified(1),
      ['rollouts_by_release_serial', 'rollout_members_by_rollout_serial'],
    ],
    ['the counters of a rollout', (s) => s.rolloutTallies.list(1, 10), ['rollout_tallies_1']],
    ['a claim', (s) => s.rolloutTallies.claim(claim), ['rollout_tallies_1']],
    ['a claim in a cohort', (s) => s.rolloutTallies.claim({ ...claim, scope: 'cohort/x=y' }), ['rollout_tallies_1']],
    ['an addition', (s) => s.rolloutTallies.add(1, 'rollout', { settled: 1 }, 0), ['rollout_tallies_1']],
    [
      'the end of a rollout',
      (s) => s.rollouts.delete(1),
      ['rollouts_by_undoes', 'rollout_tallies_1', 'rollout_names_by_rollout', 'rollout_approvals_1', 'PRIMARY KEY'],
    ],
    ['deleted rollouts', (s) => s.rollouts.listDeleted(10), ['rollouts_by_state_serial']],
    ['what is left of a rollout', (s) => s.rollouts.purge(1, 10), ['PRIMARY KEY']],
    [
      'what one device may meet',
      (s) => s.rollouts.listNaming(1, { id: 'a', key: 'b' }, { live: 20, stopped: 5 }),
      ['rollout_names_1 (name=?)', 'PRIMARY KEY', 'rollout_names_1 (name=?)', 'PRIMARY KEY'],
    ],
    ['how many a device may meet', (s) => s.rollouts.countOffering(1), ['rollouts_by_product_live']],
    [
      'how many name a device',
      (s) => s.rollouts.countNaming(1),
      ['PRIMARY KEY', 'rollout_names_by_rollout', 'rollout_names_1', 'PRIMARY KEY'],
    ],
    ['artifacts of a firmware', (s) => s.artifacts.listByFirmware(1), ['artifacts_by_firmware_serial']],
    ['firmware by version', (s) => s.firmware.findByVersion(1, 1, 'x'), ['firmware_by_module_version']],
    ['firmware by file', (s) => s.firmware.findByFileAlias('x'), ['firmware__file_alias']],
    [
      'a catalogue',
      (s) => s.firmware.listFiles({ organisation: 1, product: 1 }, page),
      ['firmware_by_product', 'artifacts_by_firmware'],
    ],
    ['floors of a product', (s) => s.floors.listByProduct(1), ['floors_by_product_serial']],
    ['the floor that a firmware is', (s) => s.floors.findByFirmware(1), ['floors__firmware']],
    ['a silent release', (s) => s.releases.findSilent(1), ['releases__firmware']],
    ['modules of a product', (s) => s.modules.listByProduct(1), ['modules_by_product_serial']],
    ['a setting', (s) => s.settings.get('x'), ['settings_1']],
    ['an alias', (s) => s.aliases.find('a', 1, 'x'), ['aliases_1']],
    ['an alias in all scopes', (s) => s.aliases.findInAllScopes('a', 'x', 2), ['aliases_by_slot_name_scope']],
    ['a product by key anywhere', (s) => s.products.listByKeyOnServer('x', 2), ['products_by_key_serial']],
    ['an access token', (s) => s.accessTokens.current(1), ['access_tokens__current']],
    ['devices', (s) => s.devices.list({ organisation: 1 }, page), ['devices_by_organisation_serial']],
    // 64: in the order of the rows, so that a page costs no more than its own length.
    [
      'devices by a part of their texts',
      (s) => s.devices.list({ organisation: 1, product: 1, search: 'abc', nameContains: 'def' }, page),
      ['VIRTUAL TABLE INDEX 64:M', 'PRIMARY KEY'],
    ],
    [
      'devices of a product',
      (s) => s.devices.list({ organisation: 1, product: 1 }, page),
      ['devices_by_product_serial'],
    ],
    [
      'devices of a group',
      (s) => s.devices.list({ organisation: 1, group: 1 }, page),
      ['devices_by_device_group_serial'],
    ],
    [
      'devices by filter',
      (s) => s.devices.list({ organisation: 1, where: parseFilter(FILTER) }, page),
      [
        'devices_by_organisation_serial',
        'running_versions_1 (device=?)',
        'modules USING INTEGER PRIMARY KEY',
        'modules__key',
        'running_versions_1 (device=? AND module=?)',
        'products_by_key_serial',
        'device_groups EXISTS USING INTEGER PRIMARY KEY',
      ],
    ],
    [
      'events of a subject',
      (s) => s.events.list({ organisation: 1, subjectId: 'x' }, page),
      ['organisation_subject_id'],
    ],
    [
      'events of an actor',
      (s) => s.events.list({ organisation: 1, actorKind: 'account', actorId: 'x' }, page),
      ['organisation_actor_id_serial'],
    ],
    [
      'events of an organisation in a range of times',
      (s) => s.events.list({ organisation: 1, from: 1, until: 2 }, page),
      ['events_by_organisation_serial'],
    ],
    ['an event by id', (s) => s.events.findById(1, '0'.repeat(24)), ['events_by_at']],
    ['the end of the events', (s) => s.events.settledThrough(), ['events']],
    ['dead letters', (s) => s.deadLetters.list({ webhook: 1 }, page), ['dead_letters_by_webhook']],
    ['queued dead letters', (s) => s.deadLetters.list({ webhook: 1, isQueued: true }, page), ['webhook_queued']],
    ['data files of a device', (s) => s.dataFiles.usage(1), ['data_files_by_device_serial']],
    [
      'devices by credential',
      (s) => s.holders.devices(held, after),
      ['devices_by_organisation_created_at_id', 'credentials_by_device', 'credentials_by_device', 'PRIMARY KEY'],
    ],
    [
      'groups by credential',
      (s) => s.holders.groups(held, after),
      ['device_groups_by_organisation_created_at_id', 'credentials_by_device_group', 'credentials_by_device_group'],
    ],
    [
      'the end of a device',
      (s) => s.devices.delete(1),
      [
        'aliases_by_kind_owner',
        'PRIMARY KEY',
        'rollout_members__device',
        'updates_by_device',
        'assignments__device',
        'running_versions_1',
        'credentials_by_device',
      ],
    ],
    [
      'the end of a firmware',
      (s) => s.firmware.delete(1),
      [
        'releases__firmware',
        'rollouts_by_release',
        'updates_by_release',
        'assignments_by_release',
        'release_firmware_1',
        'PRIMARY KEY',
        'floors__firmware',
        'release_firmware_by_firmware',
        'releases__firmware',
        'artifacts_by_firmware',
      ],
    ],
  ]

/** Of rows that a question has found already. */
const RESULTS = ['SCAN found', 'SCAN granting', 'SCAN ended', 'SCAN settling', 'SCAN CONSTANT ROW']

describe('query plans', () => {
  let folder: TemporaryFolder
  let connection: SqliteConnection
  let stores: Stores
  let plan: string[] = []
  beforeAll(async () => {
    folder = await temporaryFolder()
    connection = new SqliteConnection({ file: join(folder.path, 'godwit.db'), access: 'write' })
    await migrate(new Kysely({ dialect: nodeSqliteDialect(connection) }), sqliteDialect)
    const explain = (sql: string, parameters: readonly unknown[]) => {
      if (sql.includes('savepoint')) return
      const steps = connection.all(`explain query plan ${sql}`, parameters) as Array<{ detail: string }>
      plan.push(...steps.map(({ detail }) => detail))
    }
    const all = (sql: string, parameters: readonly unknown[]) => {
      explain(sql, parameters)
      return []
    }
    const executor = {
      all,
      first: (...query: Parameters<typeof all>) => all(...query)[0],
      run: (...query: Parameters<typeof all>) => all(...query).length,
    }
    stores = createSqlStores(new Session(sqliteDialect, executor, 'write'))
  })
  afterAll(async () => {
    connection.close()
    await folder.remove()
  })

  it.each(PLANS)('%s', async (_, ask, indexes) => {
    plan = []
    await ask(stores)
    const isSearch = (step: string) => step.startsWith('SEARCH') || step.includes('VIRTUAL TABLE INDEX')
    const searches = plan.filter(isSearch)
    const walks = plan.filter((step) => step.startsWith('SCAN') && !isSearch(step) && !RESULTS.includes(step))
    expect(walks).toEqual([])
    expect(searches).toEqual(indexes.map((index) => expect.stringContaining(index)))
  })
})
