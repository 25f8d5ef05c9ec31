import { type Compilable, type CompiledQuery, type SelectQueryBuilder, sql } from 'kysely'
import type { Millis, Serial, Slice } from '../../../core/common.ts'
import {
  MEMBER_STATES,
  type MemberPatch,
  type MemberState,
  type NewMember,
  type RolloutMember,
} from '../../../core/rollout/member.ts'
import type { MemberFound, MemberSearch } from '../../../core/rollout/member-search.ts'
import type { MemberFilter, RolloutMemberStore } from '../../../core/rollout/rollout-store.ts'
import type { Compiler } from '../compiler.ts'
import { anyDb, insertQuery, insertRow, insertStatement, type Target } from '../insert-row.ts'
import { pauses } from '../pauses.ts'
import type { Row, Schema } from '../schema.ts'
import type { Session } from '../session.ts'
import { sliced, slices } from '../slice.ts'
import { statement, Template, TemplateCache } from '../statement.ts'
import { defined, type Values } from '../values.ts'
import { LAST_NEWS, searching } from './member-search-query.ts'
import { memberColumns, toMember } from './rollout-rows.ts'
import { toUpdate, UPDATE } from './update-rows.ts'

type MemberRow = Row<'rollout_members'>

const TARGET = {
  table: 'rollout_members',
  uniques: [
    { field: 'device', columns: ['device', 'rollout'] },
    { field: 'serial', columns: ['serial'] },
  ],
} as const satisfies Target
const FIND = statement((db, rollout: Serial, device: Serial) =>
  db.selectFrom('rollout_members').selectAll().where('device', '=', device).where('rollout', '=', rollout),
)
const LIST_BY_DEVICE = statement((db, device: Serial) =>
  db.selectFrom('rollout_members').selectAll().where('device', '=', device),
)
// As the partial indexes have it.
const UNSETTLED = sql<boolean>`is_settled = false`
// From rollout to rollout in the index, and never past the first of their members.
const LIST_SETTLING = statement((db, now: Millis, limit: number) => ({
  compile: () =>
    sql<{ rollout: Serial }>`with recursive settling(rollout) as (
      select cast(0 as bigint) union all
      select (select min(rollout) from rollout_members
        where ${UNSETTLED} and settle_at is not null and rollout > settling.rollout)
      from settling where settling.rollout is not null
    )
    select rollout from settling where rollout > 0 and exists (select 1 from rollout_members
      where rollout_members.rollout = settling.rollout and ${UNSETTLED} and settle_at <= ${now})
    order by rollout limit ${limit}`.compile(db),
}))
const LIST_DUE = statement((db, rollout: Serial, now: Millis, limit: number) =>
  due(db, rollout, now, limit).selectAll(),
)
const COUNT_VERIFIED = statement((db, release: Serial) =>
  db
    .selectFrom('rollouts')
    .innerJoin('rollout_members', 'rollout_members.rollout', 'rollouts.serial')
    .select(
      sql<number>`count(distinct case when rollout_members.state = 'succeeded' then rollout_members.device end)`.as(
        'succeeded',
      ),
    )
    .select(sql<number>`count(distinct case when granted_at is not null then rollout_members.device end)`.as('granted'))
    .where('rollouts.release', '=', release)
    .where(sql<boolean>`rollouts.kind = 'verification'`),
)
const RECOUNT = statement((db, rollout: Serial) =>
  db
    .selectFrom('rollout_members')
    .select(['state', sql<number>`count(*)`.as('devices')])
    .where('rollout', '=', rollout)
    .groupBy('state'),
)

export class SqlRolloutMemberStore implements RolloutMemberStore {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async insert(row: NewMember): Promise<RolloutMember> {
    const inserted = await insertRow<MemberRow>(this.#session, TARGET, defined(memberColumns(row)))
    this.#session.changes.device(inserted.device)
    return toMember(inserted)
  }

  async insertMany(rows: readonly NewMember[]): Promise<number> {
    const { compiler, dialect } = this.#session
    const pause = pauses()
    let added = 0
    for (const chunk of slices(rows.map(memberColumns).map(defined), dialect.bulkRows)) {
      const [only] = chunk
      const query =
        only !== undefined && chunk.length === 1
          ? insertStatement<MemberRow>(compiler, TARGET.table, only)
          : insertQuery<MemberRow>(compiler, TARGET.table, chunk).compile()
      const inserted = await this.#session.all(query)
      for (const { device } of inserted) this.#session.changes.device(device)
      added += inserted.length
      if (inserted.length < chunk.length) await this.#listThose(chunk)
      await pause()
    }
    return added
  }

  /** Those that were there before may be so only because they were left out by name. */
  async #listThose(rows: readonly Values[]): Promise<void> {
    for (const [rollout, some] of Map.groupBy(rows, (row) => row['rollout'] as Serial)) {
      const query = this.#session.compiler
        .updateTable(TARGET.table)
        .set({ is_listed: true })
        .where('rollout', '=', rollout)
        .where(
          'device',
          'in',
          some.map((row) => row['device'] as Serial),
        )
        .where('is_listed', '=', sql.lit(false))
        .returning('device')
      for (const { device } of await this.#session.all(query.compile())) this.#session.changes.device(device)
    }
  }

  async find(rollout: Serial, device: Serial): Promise<RolloutMember | undefined> {
    const row = await this.#session.first(FIND(this.#session, rollout, device))
    return row && toMember(row)
  }

  async listByDevice(device: Serial, rollouts?: readonly Serial[]): Promise<RolloutMember[]> {
    if (rollouts === undefined) return (await this.#session.all(LIST_BY_DEVICE(this.#session, device))).map(toMember)
    const rows: RolloutMember[] = []
    for (const some of slices([...new Set(rollouts)]))
      rows.push(...(await this.#session.all(ofDevice(this.#session, device, some))).map(toMember))
    return rows
  }

  async listByDevices(rollout: Serial, devices: readonly Serial[]): Promise<RolloutMember[]> {
    const rows: RolloutMember[] = []
    for (const some of slices([...new Set(devices)])) {
      const query = this.#select().where('device', 'in', some).where('rollout', '=', rollout)
      rows.push(...(await this.#session.all(query.compile())).map(toMember))
    }
    return rows
  }

  async update(serial: Serial, patch: MemberPatch): Promise<RolloutMember | undefined> {
    const row = await this.#session.first(changing(this.#session, serial, defined(memberColumns(patch))))
    if (row === undefined) return undefined
    this.#session.changes.device(row.device)
    return toMember(row)
  }

  async list(filter: MemberFilter, slice: Slice): Promise<RolloutMember[]> {
    if (filter.states?.length === 0) return []
    const query = filtered(this.#select(), filter)
    return (await this.#session.all(sliced(query, 'serial', slice).compile())).map(toMember)
  }

  async count(filter: MemberFilter): Promise<number> {
    if (filter.states?.length === 0) return 0
    const query = filtered(this.#session.compiler.selectFrom('rollout_members'), filter)
    const counted = await this.#session.first(query.select(sql<number>`count(*)`.as('count')).compile())
    return counted?.count ?? 0
  }

  async search(search: MemberSearch, { limit, offset = 0 }: Pick<Slice, 'limit' | 'offset'>): Promise<MemberFound[]> {
    const query = searching(this.#session, search)
      .selectAll('rollout_members')
      .select(UPDATE.columns)
      .orderBy(LAST_NEWS, 'desc')
      .orderBy('rollout_members.serial', 'desc')
      .limit(limit)
      .offset(offset)
    const rows = await this.#session.all(query.compile())
    return rows.map((row) => {
      const update = UPDATE.of(row)
      const isThere = (update.serial as number | null) !== null
      return { member: toMember(row as MemberRow), ...(isThere && { update: toUpdate(update) }) }
    })
  }

  async countFound(search: MemberSearch): Promise<number> {
    const query = searching(this.#session, search).select(sql<number>`count(*)`.as('count'))
    return (await this.#session.first(query.compile()))?.count ?? 0
  }

  async listSettling(now: Millis, limit: number): Promise<Serial[]> {
    return (await this.#session.all(LIST_SETTLING(this.#session, now, limit))).map(({ rollout }) => rollout)
  }

  async listDue(rollout: Serial, now: Millis, limit: number): Promise<RolloutMember[]> {
    return (await this.#session.all(LIST_DUE(this.#session, rollout, now, limit))).map(toMember)
  }

  async settle(members: readonly Serial[], failed: readonly Serial[]): Promise<Serial[]> {
    const bad = new Set(failed)
    const good = members.filter((serial) => !bad.has(serial))
    const settled = [
      ...(await this.#settle(good, { is_settled: true })),
      ...(await this.#settle(
        members.filter((serial) => bad.has(serial)),
        { is_settled: true, has_failed: true },
      )),
    ]
    for (const { device } of settled) this.#session.changes.device(device)
    return settled.map(({ serial }) => serial)
  }

  async #settle(members: readonly Serial[], values: { is_settled: true; has_failed?: true }) {
    const settled: Array<{ serial: Serial; device: Serial }> = []
    for (const some of slices([...new Set(members)])) {
      const query = this.#session.compiler
        .updateTable(TARGET.table)
        .set(values)
        .where('serial', 'in', some)
        .where('is_settled', '=', sql.lit(false))
        .returning(['serial', 'device'])
      settled.push(...(await this.#session.all(query.compile())))
    }
    return settled
  }

  async countVerified(release: Serial): Promise<{ succeeded: number; granted: number }> {
    const counted = await this.#session.first(COUNT_VERIFIED(this.#session, release))
    return { succeeded: counted?.succeeded ?? 0, granted: counted?.granted ?? 0 }
  }

  async recount(rollout: Serial): Promise<Record<MemberState, number>> {
    const counted = await this.#session.all(RECOUNT(this.#session, rollout))
    const byState = new Map(counted.map(({ state, devices }) => [state, devices]))
    return Object.fromEntries(MEMBER_STATES.map((state) => [state, byState.get(state) ?? 0])) as Record<
      MemberState,
      number
    >
  }

  #select() {
    return this.#session.compiler.selectFrom('rollout_members').selectAll()
  }
}

const templates = new TemplateCache()

/** Changes what is given: one of few sets of columns. */
function changing({ compiler }: Session, serial: Serial, values: Values): CompiledQuery<MemberRow> {
  const columns = Object.keys(values)
  if (columns.length === 0) return compiler.selectFrom(TARGET.table).selectAll().where('serial', '=', serial).compile()
  const template = templates.get(compiler, `change ${columns.join()}`, () => {
    const build = (standIns: readonly unknown[]) =>
      anyDb(compiler)
        .updateTable(TARGET.table)
        .set(Object.fromEntries(columns.map((column, index) => [column, standIns[index]])))
        .where('serial', '=', standIns[columns.length])
        .returningAll()
    return new Template(columns.length + 1, (standIns) => build(standIns) as unknown as Compilable<MemberRow>)
  })
  return template.bind([...Object.values(values), serial])
}

/** Devices that poll ask it: the list is filled up with its last, so that there are few texts. */
function ofDevice({ compiler }: Session, device: Serial, rollouts: readonly Serial[]): CompiledQuery<MemberRow> {
  const size = 2 ** Math.ceil(Math.log2(rollouts.length))
  const template = templates.get(
    compiler,
    `of device ${size}`,
    () =>
      new Template(size + 1, ([of, ...some]) =>
        compiler
          .selectFrom('rollout_members')
          .selectAll()
          .where('device', '=', of as Serial)
          .where('rollout', 'in', some as Serial[]),
      ),
  )
  const filling = Array.from({ length: size - rollouts.length }, () => rollouts.at(-1))
  return template.bind([device, ...rollouts, ...filling])
}

/** Members of a rollout whose time is over, in its order. */
function due(db: Compiler, rollout: Serial, now: Millis, limit: number) {
  return db
    .selectFrom('rollout_members')
    .where('rollout', '=', rollout)
    .where(UNSETTLED)
    .where('settle_at', '<=', now)
    .orderBy('settle_at')
    .orderBy('serial')
    .limit(limit)
}

function filtered<O>(
  query: SelectQueryBuilder<Schema, 'rollout_members', O>,
  { rollout, states, isExcluded, stage }: MemberFilter,
): SelectQueryBuilder<Schema, 'rollout_members', O> {
  let found = query.where('rollout', '=', rollout)
  if (states !== undefined) found = found.where('state', 'in', [...states])
  if (isExcluded !== undefined) found = found.where('excluded_at', isExcluded ? 'is not' : 'is', null)
  if (stage !== undefined) found = found.where('stage', '=', stage)
  return found
}
