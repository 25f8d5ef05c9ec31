import type { Generated, Selectable } from 'kysely'
import type { EntityColumns, Flag, Json, Named, Time } from './schema-columns.ts'
import type { RolloutApprovalTable, RolloutMemberTable, RolloutTable, RolloutTallyTable } from './schema-rollouts.ts'

export interface OrganisationTable extends EntityColumns, Named {
  default_product: number | null
  frozen: Flag
  aliases: Json
  settings: Json
}

export interface AccountTable extends EntityColumns {
  email: string
  password_hash: string
  is_administrator: Flag
  failed_logins: number
  locked_until: Time
  generation: number
}

export interface MembershipTable {
  account: number
  organisation: number
  role: 'owner' | 'operator' | 'viewer'
}

export interface ApiTokenTable extends EntityColumns {
  account: number
  name: string
  hash: string
  scope: 'read' | 'write' | 'admin'
  organisation: number | null
  expires_at: Time | null
  revoked_at: Time | null
  last_used_at: Time | null
}

export interface AccessKeyTable extends EntityColumns, Named {
  organisation: number
  sealed_secret: string
  grants: Json
  disabled: Flag
  proof_hash: string | null
}

export interface AccessTokenTable {
  hash: string
  access_key: number
  sealed: string
  expires_at: Time
  is_current: Flag
}

export interface OnceTable {
  purpose: string
  key: string
  expires_at: Time
}

export interface IdempotencyTable {
  account: number
  key: string
  request_hash: string
  status: number
  body: string
  expires_at: Time
}

export interface ProductTable extends EntityColumns, Named {
  organisation: number
  distribution: 'catalogue' | 'managed'
  downgrades: 'guarded' | 'forbidden'
  aliases: Json
}

export interface ModuleTable extends EntityColumns, Named {
  organisation: number
  product: number
  is_primary: Flag
}

export interface DeviceTable extends EntityColumns, Named {
  organisation: number
  key_folded: string
  name_folded: string
  product: number | null
  device_group: number | null
  status: 'active' | 'disabled'
  tags: Json
  attributes: Json
  aliases: Json
  last_seen_at: Time | null
}

export interface GroupTable extends EntityColumns, Named {
  organisation: number
  key_folded: string
  name_folded: string
}

export interface CredentialTable extends EntityColumns {
  organisation: number
  device: number | null
  device_group: number | null
  scheme: string
  hash: string | null
  sealed: string | null
  generation: number
  expires_at: Time | null
  details: Json
}

export interface RunningTable {
  device: number
  module: number
  version: string
  previous_version: string | null
  reported_at: Time
}

export interface AliasTable {
  slot: string
  scope: number
  name: string
  kind: 'organisation' | 'product' | 'device'
  owner: number
}

export interface FirmwareTable extends EntityColumns {
  organisation: number
  product: number | null
  module: number | null
  version: string
  version_folded: string
  sequence: number | null
  from_versions: string | null
  scope: 'library' | 'private'
  sealed: Flag
  active: Flag
  withdrawn: Flag
  name: string
  name_folded: string
  name_locales: Json
  description: string | null
  notes: string
  notes_folded: string
  tags: Json
  verification: Json
  declared_digest: Json
  file_alias: string
  warnings: Json
  released_at: Time | null
  signature: string | null
}

export interface FloorTable extends EntityColumns {
  organisation: number
  product: number
  module: number
  firmware: number
  reason: string
}

export interface ArtifactTable extends EntityColumns {
  organisation: number
  firmware: number
  sha256: string
  sha1: string
  md5: string
  size: number
  name: string
  is_primary: Flag
}

export interface BlobTable {
  sha256: string
  size: number
  touched_at: Time
}

export interface ReleaseTable extends EntityColumns {
  organisation: number
  product: number | null
  version: string
  is_silent: Flag
  /** Serials in module order; `release_firmware` has the same for the database's own checks. */
  firmware: Json
  /** The one firmware of a silent release. */
  silent_firmware: number | null
}

export interface ReleaseFirmwareTable {
  release: number
  firmware: number
}

export interface AssignmentTable extends EntityColumns {
  organisation: number
  device: number | null
  device_group: number | null
  release: number
  assigned_at: Time
}

export interface UpdateTable extends EntityColumns {
  organisation: number
  device: number
  release: number
  assignment: number | null
  rollout: number | null
  via: string
  state: string
  /** Follows `state`; what the index of open updates is about. */
  is_open: Flag
  attempt: number
  progress: number
  reason: string
  steps: Json
  changed_at: Time
  closed_at: Time | null
  confirm_after: Time | null
  deadline: Time | null
  time_outs: Json | null
}

export interface EventTable {
  serial: Generated<number>
  id: string
  at: Time
  organisation: number | null
  type: string
  actor_kind: 'account' | 'access-key' | 'device' | 'system'
  actor_id: string
  actor_name: string
  subject_kind: string
  subject_id: string
  details: Json
}

export interface DataFileTable extends EntityColumns {
  organisation: number
  device: number
  type: string
  module: number | null
  sha256: string | null
  size: number
  uploaded_at: Time | null
}

export interface WebhookTable extends EntityColumns {
  organisation: number
  name: string
  url: string
  sealed_secret: string
  sealed_former: string | null
  former_until: Time | null
  types: Json
  active: Flag
}

export interface WebhookProgressTable {
  webhook: number
  position: number
  active_since: Time
  attempts: number
  failures: number
  given_up: number
  due_at: Time
  paused_at: Time | null
  pause_reason: string | null
  lease_owner: string | null
  lease_until: Time
  attempted_at: Time | null
  last_status: number | null
  last_error: string | null
  delivered_at: Time | null
}

export interface DeadLetterTable extends EntityColumns {
  organisation: number
  webhook: number
  event: string
  type: string
  body: Json
  attempts: number
  last_status: number | null
  last_error: string | null
  queued_at: Time | null
}

export interface SettingTable {
  name: string
  value: string
}

/** Tables whose rows are numbered, named and revised. */
export interface EntityTables {
  organisations: OrganisationTable
  accounts: AccountTable
  api_tokens: ApiTokenTable
  access_keys: AccessKeyTable
  products: ProductTable
  modules: ModuleTable
  devices: DeviceTable
  device_groups: GroupTable
  credentials: CredentialTable
  firmware: FirmwareTable
  floors: FloorTable
  artifacts: ArtifactTable
  releases: ReleaseTable
  assignments: AssignmentTable
  updates: UpdateTable
  rollouts: RolloutTable
  data_files: DataFileTable
  webhooks: WebhookTable
  dead_letters: DeadLetterTable
}

export interface TallyTable {
  organisation: number
  name: string
  count: number
}

/** The newest schema, as the migrations leave it. */
export interface Schema extends EntityTables {
  memberships: MembershipTable
  access_tokens: AccessTokenTable
  once: OnceTable
  idempotency: IdempotencyTable
  running_versions: RunningTable
  aliases: AliasTable
  blobs: BlobTable
  release_firmware: ReleaseFirmwareTable
  rollout_members: RolloutMemberTable
  rollout_tallies: RolloutTallyTable
  rollout_approvals: RolloutApprovalTable
  events: EventTable
  settings: SettingTable
  tallies: TallyTable
  webhook_progress: WebhookProgressTable
}

export type Row<N extends keyof Schema> = Selectable<Schema[N]>

/** Tables in the words of the domain, for `details.entity`. */
export const ENTITIES: Readonly<Record<keyof Schema, string>> = {
  organisations: 'organisation',
  accounts: 'account',
  memberships: 'membership',
  api_tokens: 'token',
  access_keys: 'access-key',
  access_tokens: 'access-token',
  once: 'claim',
  idempotency: 'idempotency-key',
  products: 'product',
  modules: 'module',
  devices: 'device',
  device_groups: 'group',
  credentials: 'credential',
  running_versions: 'running-version',
  aliases: 'alias',
  firmware: 'firmware',
  floors: 'floor',
  artifacts: 'artifact',
  blobs: 'blob',
  releases: 'release',
  release_firmware: 'release',
  assignments: 'assignment',
  updates: 'update',
  rollouts: 'rollout',
  rollout_members: 'rollout-member',
  rollout_tallies: 'rollout-tally',
  rollout_approvals: 'rollout-approval',
  events: 'event',
  data_files: 'data-file',
  settings: 'setting',
  tallies: 'tally',
  webhooks: 'webhook',
  webhook_progress: 'webhook-progress',
  dead_letters: 'dead-letter',
}
