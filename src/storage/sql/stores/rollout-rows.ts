import type { RolloutMember } from '../../../core/rollout/member.ts'
import type { Approval, Rollout } from '../../../core/rollout/rollout.ts'
import type { Tally } from '../../../core/rollout/tally.ts'
import { EntityTable } from '../entity-table.ts'
import type { Row } from '../schema.ts'
import { folded, fromJson, toJson } from '../values.ts'

export const ROLLOUTS = new EntityTable<'rollouts', Rollout>({
  table: 'rollouts',
  uniques: [{ field: 'key', columns: ['organisation', 'key'] }],
  toColumns: (rollout) => ({
    organisation: rollout.organisation,
    key: rollout.key,
    name: rollout.name,
    key_folded: folded(rollout.key),
    name_folded: folded(rollout.name),
    kind: rollout.kind,
    product: rollout.product,
    release: rollout.release,
    undoes: rollout.undoes,
    state: rollout.state,
    priority: rollout.priority,
    membership: rollout.membership,
    snapshot: toJson(rollout.snapshot),
    is_taking: rollout.snapshot && rollout.snapshot.kind === 'taking',
    selection: toJson(rollout.selection),
    stages: toJson(rollout.stages),
    health: toJson(rollout.health),
    options: toJson(rollout.options),
    stage: rollout.stage,
    stage_started_at: rollout.stageStartedAt,
    run: rollout.run,
    unverifiable_approved: rollout.unverifiableApproved,
    cancelling: rollout.cancelling,
    cancel_after: rollout.cancelAfter,
    is_complete: rollout.isComplete,
    names_devices: rollout.namesDevices,
    started_at: rollout.startedAt,
    ended_at: rollout.endedAt,
    stop: rollout.stop === null ? null : toJson(rollout.stop),
    created_by: toJson(rollout.createdBy),
    extra: toJson(rollout.extra),
  }),
  toEntity: toRollout,
})

export function toRollout(row: Row<'rollouts'>): Rollout {
  return {
    serial: row.serial,
    id: row.id,
    createdAt: row.created_at,
    revision: row.revision,
    organisation: row.organisation,
    key: row.key,
    name: row.name,
    kind: row.kind as Rollout['kind'],
    product: row.product,
    release: row.release,
    undoes: row.undoes,
    state: row.state as Rollout['state'],
    priority: row.priority,
    membership: row.membership as Rollout['membership'],
    snapshot: fromJson(row.snapshot),
    selection: fromJson(row.selection),
    stages: fromJson(row.stages),
    health: fromJson(row.health),
    options: fromJson(row.options),
    stage: row.stage,
    stageStartedAt: row.stage_started_at,
    run: row.run,
    unverifiableApproved: Boolean(row.unverifiable_approved),
    cancelling: Boolean(row.cancelling),
    cancelAfter: row.cancel_after,
    isComplete: Boolean(row.is_complete),
    namesDevices: Boolean(row.names_devices),
    startedAt: row.started_at,
    endedAt: row.ended_at,
    stop: row.stop === null ? null : fromJson(row.stop),
    createdBy: fromJson(row.created_by),
    extra: fromJson(row.extra),
  }
}

/** Columns of the members that are given; the serial is the database's. */
export function memberColumns(member: Partial<Omit<RolloutMember, 'serial'>>) {
  return {
    organisation: member.organisation,
    rollout: member.rollout,
    device: member.device,
    created_at: member.createdAt,
    state: member.state,
    stage: member.stage,
    granted_at: member.grantedAt,
    settle_at: member.settleAt,
    is_settled: member.isSettled,
    has_failed: member.hasFailed,
    is_verifiable: member.isVerifiable,
    counted: toJson(member.counted),
    newest_update: member.update,
    attempts: member.attempts,
    holds_slot: member.holdsSlot,
    excluded_at: member.excludedAt,
    excluded_reason: member.excludedReason,
    is_listed: member.isListed,
    pardoned_at: member.pardonedAt,
    changed_at: member.changedAt,
  }
}

export function toMember(row: Row<'rollout_members'>): RolloutMember {
  return {
    serial: row.serial,
    organisation: row.organisation,
    rollout: row.rollout,
    device: row.device,
    createdAt: row.created_at,
    state: row.state as RolloutMember['state'],
    stage: row.stage,
    grantedAt: row.granted_at,
    settleAt: row.settle_at,
    isSettled: Boolean(row.is_settled),
    hasFailed: Boolean(row.has_failed),
    isVerifiable: Boolean(row.is_verifiable),
    counted: fromJson(row.counted),
    update: row.newest_update,
    attempts: row.attempts,
    holdsSlot: Boolean(row.holds_slot),
    excludedAt: row.excluded_at,
    excludedReason: row.excluded_reason,
    isListed: Boolean(row.is_listed),
    pardonedAt: row.pardoned_at,
    changedAt: row.changed_at,
  }
}

export function toTally(row: Row<'rollout_tallies'>): Tally {
  return {
    rollout: row.rollout,
    scope: row.scope,
    family: row.family,
    value: row.value,
    position: row.position,
    isActive: Boolean(row.is_active),
    stopWords: row.stop_words,
    run: row.run,
    counts: {
      granted: row.granted,
      settled: row.settled,
      failed: row.failed,
      settledFailed: row.settled_failed,
      silent: row.silent,
    },
    unverifiable: row.unverifiable,
    grantLimit: row.grant_limit,
    unverifiableLimit: row.unverifiable_limit,
    devices: row.devices,
    slots: row.slots,
    outcomes: {
      open: row.open_devices,
      succeeded: row.succeeded_devices,
      failed: row.failed_devices,
      'rolled-back': row.rolled_back_devices,
      cancelled: row.cancelled_devices,
      superseded: row.superseded_devices,
      delivered: row.delivered_devices,
    },
    minute: row.minute,
    minuteGrants: row.minute_grants,
  }
}

export function toApproval({ rollout, stage, run, account, name, at }: Row<'rollout_approvals'>): Approval {
  return { rollout, stage, run, account, name, at }
}
