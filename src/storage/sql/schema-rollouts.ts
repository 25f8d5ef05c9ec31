import type { Generated } from 'kysely'
import type { EntityColumns, Flag, Json, Named, Time } from './schema-columns.ts'

/** Those in the state `deleted` are no rollouts any more: they have neither product nor release. */
export interface RolloutTable extends EntityColumns, Named {
  key_folded: string
  name_folded: string
  organisation: number
  kind: string
  product: number
  release: number
  undoes: number | null
  state: string
  priority: number
  membership: string
  snapshot: Json
  /** Follows `snapshot`. */
  is_taking: Flag
  selection: Json
  stages: Json
  health: Json
  options: Json
  stage: number
  stage_started_at: Time | null
  run: number
  unverifiable_approved: Flag
  cancelling: Flag
  cancel_after: number
  is_complete: Flag
  /** All of their names are in `rollout_names`. */
  names_devices: Flag
  started_at: Time | null
  ended_at: Time | null
  stop: Json | null
  created_by: Json
  extra: Json
}

export interface RolloutMemberTable {
  serial: Generated<number>
  organisation: number
  rollout: number
  device: number
  created_at: Time
  state: string
  stage: number | null
  granted_at: Time | null
  settle_at: Time | null
  is_settled: Flag
  has_failed: Flag
  is_verifiable: Flag
  counted: Json
  newest_update: number | null
  attempts: number
  holds_slot: Flag
  excluded_at: Time | null
  excluded_reason: string
  is_listed: Flag
  pardoned_at: Time | null
  changed_at: Time
}

export interface RolloutTallyTable {
  rollout: number
  scope: string
  family: string
  value: string
  position: number
  is_active: Flag
  stop_words: string | null
  run: Generated<number>
  granted: Generated<number>
  settled: Generated<number>
  failed: Generated<number>
  settled_failed: Generated<number>
  silent: Generated<number>
  unverifiable: Generated<number>
  grant_limit: number
  unverifiable_limit: number
  devices: Generated<number>
  slots: Generated<number>
  open_devices: Generated<number>
  succeeded_devices: Generated<number>
  failed_devices: Generated<number>
  rolled_back_devices: Generated<number>
  cancelled_devices: Generated<number>
  superseded_devices: Generated<number>
  delivered_devices: Generated<number>
  minute: Generated<number>
  minute_grants: Generated<number>
}

/** A device that a rollout names, as `id:…` or `key:…`. */
export interface RolloutNameTable {
  rollout: number
  name: string
}

export interface RolloutApprovalTable {
  rollout: number
  stage: number
  run: number
  account: string
  name: string
  at: Time
}
