import type { Assignment } from '../../../core/assignment/assignment.ts'
import type { Row } from '../schema.ts'

export function toAssignment(row: Row<'assignments'>): Assignment {
  return {
    serial: row.serial,
    id: row.id,
    createdAt: row.created_at,
    revision: row.revision,
    organisation: row.organisation,
    device: row.device,
    group: row.device_group,
    release: row.release,
    assignedAt: row.assigned_at,
  }
}
