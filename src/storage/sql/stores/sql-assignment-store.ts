import { type CompiledQuery, sql } from 'kysely'
import type { Assignment } from '../../../core/assignment/assignment.ts'
import type { AssignmentFilter, AssignmentStore } from '../../../core/assignment/assignment-store.ts'
import type { Id, New, Serial, Slice } from '../../../core/common.ts'
import type { Row } from '../schema.ts'
import type { Session } from '../session.ts'
import { sliced, slices } from '../slice.ts'
import { statement } from '../statement.ts'
import { toAssignment } from './assignment-rows.ts'

const FIND_BY_ID = statement((db, organisation: Serial, id: Id) =>
  db.selectFrom('assignments').selectAll().where('id', '=', id).where('organisation', '=', organisation),
)
const FIND_BY_DEVICE = statement((db, device: Serial) =>
  db.selectFrom('assignments').selectAll().where('device', '=', device),
)
const FIND_BY_GROUP = statement((db, group: Serial) =>
  db.selectFrom('assignments').selectAll().where('device_group', '=', group),
)
const DELETE = statement((db, serial: Serial) =>
  db.deleteFrom('assignments').where('serial', '=', serial).returning(['device', 'organisation']),
)
const COUNT_BY_RELEASE = statement((db, release: Serial) =>
  db.selectFrom('assignments').select(sql<number>`count(*)`.as('count')).where('release', '=', release),
)

export class SqlAssignmentStore implements AssignmentStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async put(row: New<Assignment>): Promise<Assignment> {
    const { serial, id, createdAt, organisation, device, group, release, assignedAt } = row
    const query = this.#session.compiler
      .insertInto('assignments')
      .values({
        ...(serial !== undefined && { serial }),
        id,
        created_at: createdAt,
        organisation,
        device,
        device_group: group,
        release,
        assigned_at: assignedAt,
      })
      .onConflict((on) =>
        on.column(device === null ? 'device_group' : 'device').doUpdateSet((is) => ({
          release: is.ref('excluded.release'),
          assigned_at: is.ref('excluded.assigned_at'),
          revision: is('assignments.revision', '+', 1),
        })),
      )
      .returningAll()
    const [stored] = await this.#session.all(query.compile())
    this.#session.changes.target(row)
    const push = this.#session.dialect.pushSerial
    if (serial !== undefined && push) {
      await this.#session.first(push('assignments', serial).compile(this.#session.compiler))
    }
    return stored ? toAssignment(stored) : { ...row, serial: serial ?? 0, revision: 1 }
  }

  findById(organisation: Serial, id: Id): Promise<Assignment | undefined> {
    return this.#one(FIND_BY_ID(this.#session, organisation, id))
  }

  findByDevice(device: Serial): Promise<Assignment | undefined> {
    return this.#one(FIND_BY_DEVICE(this.#session, device))
  }

  findByGroup(group: Serial): Promise<Assignment | undefined> {
    return this.#one(FIND_BY_GROUP(this.#session, group))
  }

  async listByTargets(targets: { devices: readonly Serial[]; groups: readonly Serial[] }): Promise<Assignment[]> {
    const found: Assignment[] = []
    const select = () => this.#session.compiler.selectFrom('assignments').selectAll()
    const queries = [
      ...slices([...new Set(targets.devices)]).map((some) => select().where('device', 'in', some)),
      ...slices([...new Set(targets.groups)]).map((some) => select().where('device_group', 'in', some)),
    ]
    for (const query of queries)
      for (const row of await this.#session.all(query.compile())) found.push(toAssignment(row))
    return found
  }

  async delete(serial: Serial): Promise<void> {
    const deleted = await this.#session.first(DELETE(this.#session, serial))
    if (deleted) this.#session.changes.target(deleted)
  }

  async list({ organisation, target, device, release }: AssignmentFilter, slice: Slice): Promise<Assignment[]> {
    let query = this.#session.compiler.selectFrom('assignments').selectAll().where('organisation', '=', organisation)
    if (target !== undefined) query = query.where(target === 'device' ? 'device' : 'device_group', 'is not', null)
    if (device !== undefined) query = query.where('device', '=', device)
    if (release !== undefined) query = query.where('release', '=', release)
    return (await this.#session.all(sliced(query, 'serial', slice).compile())).map(toAssignment)
  }

  async countByRelease(release: Serial): Promise<number> {
    return (await this.#session.first(COUNT_BY_RELEASE(this.#session, release)))?.count ?? 0
  }

  async #one(query: CompiledQuery<Row<'assignments'>>): Promise<Assignment | undefined> {
    const row = await this.#session.first(query)
    return row && toAssignment(row)
  }
}
