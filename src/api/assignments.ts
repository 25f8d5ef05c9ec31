import { z } from 'zod'
import type { Assignment } from '../core/assignment/assignment.ts'
import type { TargetReference } from '../core/assignment/assignment-service.ts'
import type { AssignmentFilter } from '../core/assignment/assignment-store.ts'
import type { Serial } from '../core/common.ts'
import { findDevice } from '../core/device/device-service.ts'
import { findGroup } from '../core/device/group-service.ts'
import { invalid, notFound } from '../core/errors.ts'
import { entity, entityView, flagQuery, referenceField, referenceView, time, timeView } from './fields.ts'
import { page, pageOf, pageQuery } from './paging.ts'
import { releaseOf, type What, whatFields, whatSchema } from './release-reference.ts'
import { releaseView, viewRelease } from './releases.ts'
import { Answer, DryRun, type OrganisationCall, organisationRoute } from './route.ts'

const assignmentView = z
  .strictObject({
    ...entityView,
    device: referenceView.nullable(),
    group: referenceView.nullable(),
    release: releaseView.nullable(),
    assignedAt: timeView,
  })
  .meta({ id: 'Assignment' })

const assignedView = z.strictObject({
  outcome: z
    .enum(['created', 'replaced', 'renewed'])
    .describe(
      'What was done, or with dryRun what would be; renewed = the same release again, which ends its pause after failures',
    ),
  assignment: assignmentView.nullable().describe('as it stands; null for a dry run that would make one'),
  release: releaseView.describe('What is (or would be) assigned'),
  before: releaseView.nullable().describe('What was assigned until now'),
  warnings: z.array(z.string()).describe('What may surprise'),
})

const dryRun = { dryRun: flagQuery.default(false).describe('Tell what would change, and change nothing') }

export const assignmentRoutes = [
  organisationRoute('viewer', {
    id: 'assignments.list',
    method: 'GET',
    path: '/assignments',
    summary: 'What is pinned to devices and groups',
    query: {
      ...pageQuery,
      target: z.enum(['device', 'group']).optional(),
      device: referenceField.optional(),
      release: z.string().max(64).optional().describe('Id'),
    },
    reply: pageOf(assignmentView),
    async handle(call, { query }) {
      const { target, device, release } = query
      const filter = await assignmentFilter(call, { target, device, release })
      return page({
        query,
        list: (slice) => call.stores.assignments.list(filter, slice),
        view: (row) => viewAssignment(call, row),
      })
    },
  }),

  organisationRoute('operator', {
    id: 'assignments.create',
    method: 'POST',
    path: '/assignments',
    summary: 'Pin a release to a device or group, replacing what was pinned',
    description: 'Answers 201 when it is new, and 200 when it replaces or renews one, which keeps its id.',
    creates: true,
    query: dryRun,
    body: z.strictObject({
      device: referenceField.exactOptional(),
      group: referenceField.exactOptional(),
      ...whatFields,
    }),
    reply: assignedView,
    handle: (call, { query, body }) => {
      const { device, group, ...what } = body
      return assign(call, { target: targetOf(device, group), what, dryRun: query.dryRun })
    },
  }),

  ...(['device', 'group'] as const).map((kind) =>
    organisationRoute('operator', {
      id: `assignments.put-${kind}`,
      method: 'PUT',
      path: `/${kind}s/:target/assignment`,
      summary: `Pin a release to a ${kind}, replacing what was pinned`,
      query: dryRun,
      body: whatSchema,
      reply: assignedView,
      async handle(call, { params, query, body }) {
        const { target } = params as { target: string }
        const reference = kind === 'device' ? { device: target } : { group: target }
        return assign(call, { target: reference, what: body, dryRun: query.dryRun })
      },
    }),
  ),

  ...(['device', 'group'] as const).map((kind) =>
    organisationRoute('viewer', {
      id: `assignments.show-${kind}`,
      method: 'GET',
      path: `/${kind}s/:target/assignment`,
      summary: `What is pinned to a ${kind}`,
      reply: assignmentView,
      async handle(call, { params }) {
        const { target } = params as { target: string }
        const row = await currentOf(call, kind === 'device' ? { device: target } : { group: target })
        if (!row) throw notFound('assignment', target)
        return viewAssignment(call, row)
      },
    }),
  ),

  organisationRoute('viewer', {
    id: 'assignments.show',
    method: 'GET',
    path: '/assignments/:assignment',
    summary: 'One assignment',
    reply: assignmentView,
    async handle(call, { params }) {
      const row = await call.stores.assignments.findById(call.organisation.serial, params.assignment)
      if (!row) throw notFound('assignment', params.assignment)
      return viewAssignment(call, row)
    },
  }),

  organisationRoute('operator', {
    id: 'assignments.delete',
    method: 'DELETE',
    path: '/assignments/:assignment',
    summary: 'Take an assignment away; an update under way ends as it will',
    handle: (call, { params }) => call.services.assignments.remove(call.scope, params.assignment),
  }),
]

interface Wish {
  readonly target: TargetReference
  readonly what: What
  readonly dryRun: boolean
}

async function assign(call: OrganisationCall, wish: Wish): Promise<Answer<z.output<typeof assignedView>>> {
  const { services, scope, references } = call
  const before = await currentOf(call, wish.target)
  const old = before ? await references.release(before.release) : undefined
  const shownBefore = wish.dryRun && before ? await viewAssignment(call, before) : null
  const { assignment, release, warnings } = await services.assignments.assign(scope, wish.target, releaseOf(wish.what))
  const outcome: z.output<typeof assignedView>['outcome'] = !before
    ? 'created'
    : before.release === release.serial
      ? 'renewed'
      : 'replaced'
  const body = {
    outcome,
    assignment: wish.dryRun ? shownBefore : await viewAssignment(call, assignment),
    release: await viewRelease(call, release),
    before: old ? await viewRelease(call, old) : null,
    warnings: [...warnings],
  } satisfies z.output<typeof assignedView>
  if (wish.dryRun) throw new DryRun(new Answer(body, { status: 200 }))
  const status = outcome === 'created' ? 201 : 200
  return new Answer(body, { status, headers: { etag: `"${assignment.revision}"` } })
}

function targetOf(device: string | undefined, group: string | undefined): TargetReference {
  if (device !== undefined && group === undefined) return { device }
  if (group !== undefined && device === undefined) return { group }
  throw invalid('device', 'exactly one of device and group must be given')
}

async function currentOf(call: OrganisationCall, target: TargetReference): Promise<Assignment | undefined> {
  const { stores, organisation } = call
  if ('device' in target) {
    const device = await findDevice(stores, organisation.serial, target.device)
    return stores.assignments.findByDevice(device.serial)
  }
  const group = await findGroup(stores, organisation.serial, target.group)
  return stores.assignments.findByGroup(group.serial)
}

async function assignmentFilter(
  call: OrganisationCall,
  named: { target: 'device' | 'group' | undefined; device: string | undefined; release: string | undefined },
): Promise<AssignmentFilter> {
  const { stores, organisation } = call
  const { target, device, release } = named
  const deviceSerial: Serial | undefined =
    device === undefined ? undefined : (await findDevice(stores, organisation.serial, device)).serial
  const found = release === undefined ? undefined : await stores.releases.findById(organisation.serial, release)
  if (release !== undefined && !found) throw notFound('release', release)
  return {
    organisation: organisation.serial,
    ...(target !== undefined && { target }),
    ...(deviceSerial !== undefined && { device: deviceSerial }),
    ...(found && { release: found.serial }),
  }
}

async function viewAssignment(call: OrganisationCall, row: Assignment): Promise<z.output<typeof assignmentView>> {
  const { references } = call
  const release = await references.release(row.release)
  return {
    ...entity(row),
    device: await references.device(row.device),
    group: await references.group(row.group),
    release: release ? await viewRelease(call, release) : null,
    assignedAt: time(row.assignedAt),
  }
}
