import { isOpen, type Update, type UpdateState } from '../../../core/update/update.ts'
import { EntityTable } from '../entity-table.ts'
import type { Row } from '../schema.ts'
import { SecondRow } from '../second-row.ts'
import { fromJson, toJson } from '../values.ts'

export const UPDATES = new EntityTable<'updates', Update>({
  table: 'updates',
  uniques: [{ field: 'device', columns: ['device'], among: { is_open: true } }],
  toColumns: (update) => ({
    organisation: update.organisation,
    device: update.device,
    release: update.release,
    assignment: update.assignment,
    rollout: update.rollout,
    via: update.via,
    state: update.state,
    is_open: update.state && isOpen(update.state),
    attempt: update.attempt,
    progress: update.progress,
    reason: update.reason,
    steps: toJson(update.steps),
    changed_at: update.changedAt,
    closed_at: update.closedAt,
    confirm_after: update.confirmAfter,
    deadline: update.deadline,
    time_outs: update.timeOuts && toJson(update.timeOuts),
  }),
  toEntity: toUpdate,
})

const COLUMNS = {
  serial: true,
  id: true,
  created_at: true,
  revision: true,
  organisation: true,
  device: true,
  release: true,
  assignment: true,
  rollout: true,
  via: true,
  state: true,
  is_open: true,
  attempt: true,
  progress: true,
  reason: true,
  steps: true,
  changed_at: true,
  closed_at: true,
  confirm_after: true,
  deadline: true,
  time_outs: true,
} as const

/** Each column, for queries that must not answer others when there are more one day. */
export const UPDATE_COLUMNS = Object.keys(COLUMNS) as ReadonlyArray<keyof typeof COLUMNS>

/** The update beside another row. */
export const UPDATE = new SecondRow('updates', COLUMNS)

export function toUpdate(row: Row<'updates'>): Update {
  return {
    serial: row.serial,
    id: row.id,
    createdAt: row.created_at,
    revision: row.revision,
    organisation: row.organisation,
    device: row.device,
    release: row.release,
    assignment: row.assignment,
    rollout: row.rollout,
    via: row.via,
    state: row.state as UpdateState,
    attempt: row.attempt,
    progress: row.progress,
    reason: row.reason,
    steps: fromJson(row.steps),
    changedAt: row.changed_at,
    closedAt: row.closed_at,
    confirmAfter: row.confirm_after,
    deadline: row.deadline,
    timeOuts: row.time_outs === null ? null : fromJson(row.time_outs),
  }
}
