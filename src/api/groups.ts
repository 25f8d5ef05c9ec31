import { z } from 'zod'
import type { DeviceGroup } from '../core/device/device.ts'
import { findDevice } from '../core/device/device-service.ts'
import { findGroup } from '../core/device/group-service.ts'
import type { DeviceChange } from '../core/rollout/preview/preview-starts.ts'
import { Starts } from '../core/rollout/preview/starts.ts'
import { CONFIRMATION, confirmQuery, confirmStarts, leavingChanges } from './confirm-starts.ts'
import { deviceView, pageOfDevices } from './device-view.ts'
import { entity, entityView, given, idField, keyField, nameField, referenceField } from './fields.ts'
import { page, pageOf, pageQuery } from './paging.ts'
import { type OrganisationCall, organisationRoute } from './route.ts'

const groupView = z
  .strictObject({ ...entityView, key: z.string(), name: z.string(), members: z.int() })
  .meta({ id: 'Group' })

const memberList = z.array(referenceField).max(1000)

export const groupRoutes = [
  organisationRoute('viewer', {
    id: 'groups.list',
    method: 'GET',
    path: '/groups',
    summary: 'Device groups',
    query: { ...pageQuery, search: z.string().max(200).optional().describe('Part of key or name') },
    reply: pageOf(groupView),
    handle: (call, { query }) =>
      page({
        query,
        list: (slice) =>
          call.stores.groups.list(
            { organisation: call.organisation.serial, ...given({ search: query.search }) },
            slice,
          ),
        view: (group) => viewGroup(call, group),
      }),
  }),

  organisationRoute('operator', {
    id: 'groups.create',
    method: 'POST',
    path: '/groups',
    summary: 'Make a group',
    creates: true,
    body: z.strictObject({
      key: keyField.exactOptional().describe('The id unless given'),
      name: nameField.exactOptional(),
      id: idField.exactOptional(),
    }),
    reply: groupView,
    handle: async (call, { body }) => viewGroup(call, await call.services.groups.create(call.scope, body)),
  }),

  organisationRoute('viewer', {
    id: 'groups.show',
    method: 'GET',
    path: '/groups/:group',
    summary: 'One group',
    reply: groupView,
    handle: async (call, { params }) =>
      viewGroup(call, await findGroup(call.stores, call.organisation.serial, params.group)),
  }),

  organisationRoute('operator', {
    id: 'groups.change',
    method: 'PATCH',
    path: '/groups/:group',
    summary: 'Change the name of a group',
    conditional: true,
    body: z.strictObject({ name: nameField.exactOptional() }),
    reply: groupView,
    handle: async (call, { params, body }) =>
      viewGroup(call, await call.services.groups.update(call.scope, params.group, body, call.ifRevision)),
  }),

  organisationRoute('operator', {
    id: 'groups.delete',
    method: 'DELETE',
    path: '/groups/:group',
    summary: 'Delete a group; its members stay, its credential and assignment go',
    description: CONFIRMATION,
    query: confirmQuery,
    async handle(call, { params, query }) {
      const group = await findGroup(call.stores, call.organisation.serial, params.group)
      const { changes, isPartial } = await leavingChanges(call.stores, group)
      const starts = new Starts()
      starts.isPartial = isPartial
      await confirmStarts(call, changes, { what: ['groups.delete', group.id], confirm: query.confirm }, starts)
      await call.services.groups.delete(call.scope, group.id)
    },
  }),

  organisationRoute('viewer', {
    id: 'groups.members',
    method: 'GET',
    path: '/groups/:group/members',
    summary: 'Devices of a group',
    query: pageQuery,
    reply: pageOf(deviceView),
    async handle(call, { params, query }) {
      const group = await findGroup(call.stores, call.organisation.serial, params.group)
      return pageOfDevices(call, query, { organisation: call.organisation.serial, group: group.serial })
    },
  }),

  organisationRoute('operator', {
    id: 'groups.change-members',
    method: 'POST',
    path: '/groups/:group/members',
    summary: 'Take devices in and out, all of them or none',
    description: `A device is in one group at most: taking it in takes it out of another. ${CONFIRMATION}`,
    query: confirmQuery,
    body: z.strictObject({ add: memberList.default([]), remove: memberList.default([]) }),
    reply: groupView,
    async handle(call, { params, query, body }) {
      const group = await findGroup(call.stores, call.organisation.serial, params.group)
      const what = ['groups.change-members', group.id, body]
      await confirmStarts(call, await movedDevices(call, group, body), { what, confirm: query.confirm })
      await call.services.groups.changeMembers(call.scope, params.group, body)
      return viewGroup(call, await findGroup(call.stores, call.organisation.serial, params.group))
    },
  }),
]

/** The devices as they are and will be; one that is named twice is moved twice. */
async function movedDevices(
  { stores, organisation }: OrganisationCall,
  group: DeviceGroup,
  { add, remove }: { readonly add: readonly string[]; readonly remove: readonly string[] },
): Promise<DeviceChange[]> {
  const changes = new Map<number, DeviceChange>()
  for (const [references, isIn] of [
    [remove, false],
    [add, true],
  ] as const)
    for (const reference of references) {
      const before = await findDevice(stores, organisation.serial, reference)
      const now = changes.get(before.serial)?.after.group ?? before.group
      const after = isIn ? group.serial : now === group.serial ? null : now
      changes.set(before.serial, { before, after: { ...before, group: after } })
    }
  return [...changes.values()]
}

async function viewGroup({ stores }: OrganisationCall, row: DeviceGroup) {
  const members = await stores.devices.count({ organisation: row.organisation, group: row.serial })
  return { ...entity(row), key: row.key, name: row.name, members }
}
