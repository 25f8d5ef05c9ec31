import { z } from 'zod'
import { MEMBER_STATES, type RolloutMember } from '../core/rollout/member.ts'
import { findRollout } from '../core/rollout/rollout-service.ts'
import { flagQuery, optionalBody, referenceField, referenceView, time, timeOrNull, timeView } from './fields.ts'
import { page, pageOf, pageQuery } from './paging.ts'
import { type OrganisationCall, organisationRoute } from './route.ts'

/** Devices named in one request. */
const MOST_NAMED = 1_000

const memberView = z
  .strictObject({
    device: referenceView.nullable(),
    state: z.enum(MEMBER_STATES).describe('waiting: nothing is granted to it yet, or it is to be tried again'),
    stage: z.int().nullable().describe('In which it was granted, from 1'),
    grantedAt: timeView
      .nullable()
      .describe('When its trial began: the first grant in this run, of the release or of a floor on the way'),
    settleAt: timeView.nullable().describe('By when it must have confirmed'),
    isSettled: z.boolean(),
    hasFailed: z.boolean().describe('Counted as a failure by the health gate'),
    isVerifiable: z.boolean().describe('Whether its protocol tells what becomes of an update'),
    attempts: z.int(),
    update: z.strictObject({ id: z.string(), state: z.string(), reason: z.string() }).nullable(),
    excluded: z.strictObject({ at: timeView, reason: z.string() }).nullable(),
    changedAt: timeView,
  })
  .meta({ id: 'RolloutMember' })

export const rolloutMemberRoutes = [
  organisationRoute('viewer', {
    id: 'rollouts.members',
    method: 'GET',
    path: '/rollouts/:rollout/members',
    summary: 'Devices that were granted something, are in the snapshot, or were taken out',
    query: {
      ...pageQuery,
      state: z.enum(MEMBER_STATES).optional(),
      stage: z.coerce.number().int().min(1).optional().describe('In which they were granted'),
      excluded: flagQuery.optional().describe('Only those that were taken out (true) or not (false)'),
    },
    reply: pageOf(memberView),
    async handle(call, { params, query }) {
      const { serial: rollout } = await findRollout(call.stores, call.organisation.serial, params.rollout)
      const { state, stage, excluded } = query
      const filter = {
        rollout,
        ...(state !== undefined && { states: [state] }),
        ...(stage !== undefined && { stage: stage - 1 }),
        ...(excluded !== undefined && { isExcluded: excluded }),
      }
      return page({
        query,
        list: (slice) => call.stores.rolloutMembers.list(filter, slice),
        view: (row) => viewMember(call, row),
      })
    },
  }),

  organisationRoute('operator', {
    id: 'rollouts.retry',
    method: 'POST',
    path: '/rollouts/:rollout/retry',
    summary: 'Let devices be tried again: the named ones, else all that failed',
    description:
      'What failed before does not count against them any more. Without names all that failed and were not taken out are. Named ones are tried again also after they succeeded, were cancelled or taken out: all of them or none.',
    mode: 'free',
    body: optionalBody({ devices: z.array(referenceField).min(1).max(MOST_NAMED).exactOptional() }),
    reply: z.strictObject({ devices: z.int().describe('To be tried again') }),
    handle: async ({ core, scope }, { params, body }) => ({
      devices: await core.rolloutMembers.retry(scope, params.rollout, body.devices),
    }),
  }),

  organisationRoute('operator', {
    id: 'rollouts.exclude',
    method: 'POST',
    path: '/rollouts/:rollout/exclude',
    summary: 'Take devices out: nothing more is granted to them, and an open update is cancelled; all or none',
    body: z.strictObject({
      devices: z.array(referenceField).min(1).max(MOST_NAMED),
      reason: z.string().max(500).default(''),
    }),
    handle: ({ services, scope }, { params, body }) => services.rolloutMembers.exclude(scope, params.rollout, body),
  }),
]

async function viewMember(call: OrganisationCall, row: RolloutMember): Promise<z.output<typeof memberView>> {
  const update = row.update === null ? undefined : await call.stores.updates.find(row.update)
  const { state, stage, isSettled, hasFailed, isVerifiable, attempts, excludedAt, excludedReason } = row
  return {
    device: await call.references.device(row.device),
    state,
    stage: stage === null ? null : stage + 1,
    grantedAt: timeOrNull(row.grantedAt),
    settleAt: timeOrNull(row.settleAt),
    isSettled,
    hasFailed,
    isVerifiable,
    attempts,
    update: update ? { id: update.id, state: update.state, reason: update.reason } : null,
    excluded: excludedAt === null ? null : { at: time(excludedAt), reason: excludedReason },
    changedAt: time(row.changedAt),
  }
}
