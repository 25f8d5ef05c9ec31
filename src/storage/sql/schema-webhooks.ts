import type { EntityColumns, Flag, Json, Time } from './schema-columns.ts'

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
