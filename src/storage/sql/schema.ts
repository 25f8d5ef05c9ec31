import type { Generated, Selectable } from 'kysely'
import type { EntityColumns, Flag, Json, Named, Time } from './schema-columns.ts'
import type {
  ArtifactTable,
  BlobTable,
  FirmwareTable,
  FloorTable,
  ReleaseFirmwareTable,
  ReleaseTable,
} from './schema-firmware.ts'
import type {
  RolloutApprovalTable,
  RolloutMemberTable,
  RolloutNameTable,
  RolloutTable,
  RolloutTallyTable,
} from './schema-rollouts.ts'
import type { DeadLetterTable, WebhookProgressTable, WebhookTable } from './schema-webhooks.ts'

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

export interface SettingTable {
  name: string
  value: string
}

export interface LeaseTable {
  name: string
  holder: string
  token: number
  expires_at: Time
}

export interface NodeTable {
  id: string
  host: string
  pid: number
  version: string
  schema: string
  connections: number
  seen_at: Time
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
  rollout_names: RolloutNameTable
  events: EventTable
  settings: SettingTable
  tallies: TallyTable
  webhook_progress: WebhookProgressTable
  leases: LeaseTable
  nodes: NodeTable
}

export type Row<N extends keyof Schema> = Selectable<Schema[N]>
