import type { Templates } from './base-fleet.ts'
import type { CloneTarget } from './clone-target.ts'
import { type FleetFacts, isInStage, SCHEMES } from './fleet.ts'

const BATCH = 100_000
/** Deadlines lie beyond the life of any fleet that is kept. */
const FAR = Date.UTC(2100, 0, 1)
const HOUR = 3_600_000

/**
 * Makes the many devices as copies of the template rows, by SQL: what a column is called and what new columns hold is the
 * server's affair. Answers the serial of the first one.
 */
export async function cloneFleet(
  target: CloneTarget,
  templates: Templates,
  facts: Omit<FleetFacts, 'firstSerial'>,
): Promise<number> {
  const { last } = await target.one('select max(serial) as last from devices')
  const first = Number(last) + 1
  const clone = cloner(target, templates, first)
  for (let from = 0; from < facts.devices; from += BATCH) {
    const to = Math.min(from + BATCH, facts.devices)
    await target.run('begin')
    for (const scheme of SCHEMES) await clone.devices(scheme, from, to)
    await target.run('commit')
  }
  await target.pushSerial('devices')
  await cloneUpdates(target, templates, { facts, first })
  return first
}

function cloner(target: CloneTarget, templates: Templates, first: number) {
  const number = 'cast(n as text)'
  const serial = `${first} + n`
  const key = `'panel-' || ${number}`
  const name = `'Panel ' || ${number}`
  const id = `'67400001' || ${target.hex16('n')}`
  const now = Date.now()
  const overrides: Record<string, Record<string, string>> = {
    devices: {
      serial,
      id,
      key,
      key_folded: key,
      name,
      name_folded: `lower(${name})`,
      tags: `'{"site":"' || case n % 3 when 0 then 'graz' when 1 then 'linz' else 'wien' end || '","ring":"' || cast(n % 10 as text) || '"}'`,
      last_seen_at: `${now} - (n % 720) * ${HOUR}`,
    },
    running_versions: { device: serial, reported_at: `${now} - (n % 720) * ${HOUR}` },
    credentials: { serial: '', id: `'67400005' || ${target.hex16('n')}`, device: serial },
    events: { serial: '', id: `'67400006' || ${target.hex16('n')}`, subject_id: id },
  }
  const special: Record<string, Record<string, string>> = {
    native: { hash: target.sha256(`'bench-native-token-' || ${number}`) },
    'spoke-zone': { details: `'{"cpuId":"cpu-' || ${number} || '","uuid":"uuid-' || ${number} || '"}'` },
  }

  return {
    async devices({ scheme, from, to }: (typeof SCHEMES)[number], first: number, end: number): Promise<void> {
      const device = templates.devices[scheme]
      if (!device) throw new Error(`no template for ${scheme}`)
      const some = { from: first, to: end, where: `n % 10 >= ${from} and n % 10 < ${to}` }
      const copy = (table: string, of: string, more: Record<string, string> = {}) =>
        insertCopies(target, { table, of, overrides: { ...overrides[table], ...more }, ...some })
      await copy('devices', `serial = ${device.serial}`)
      await copy('running_versions', `device = ${device.serial}`)
      await copy('credentials', `device = ${device.serial}`, special[scheme])
      await copy('events', `subject_id = '${device.id}' and type = 'device.created'`)
    },
  }
}

interface Copies {
  readonly table: string
  /** Which row is copied. */
  readonly of: string
  /** By column: SQL over `n` and the row `t`; empty: left to the database. */
  readonly overrides: Readonly<Record<string, string>>
  readonly from: number
  readonly to: number
  readonly where: string
}

async function insertCopies(target: CloneTarget, { table, of, overrides, from, to, where }: Copies): Promise<void> {
  const columns = (await target.columns(table)).filter((column) => overrides[column] !== '')
  const values = columns.map((column) => overrides[column] ?? `t.${column}`)
  // SQLite takes a select with a condition before `with` alone; both take it behind `insert into`.
  await target.run(`insert into ${table} (${columns.join(', ')}) ${target.numbers(from, to)}
    select ${values.join(', ')} from numbers cross join (select * from ${table} where ${of}) as t where ${where}`)
}

/** An update under way for every native device of the rollout's first stage, as if each had been granted its own. */
async function cloneUpdates(
  target: CloneTarget,
  templates: Templates,
  { facts, first }: { facts: Omit<FleetFacts, 'firstSerial'>; first: number },
): Promise<void> {
  const { last } = await target.one('select max(serial) as last from updates')
  const start = Number(last) + 1
  const native: number[] = []
  for (let number = 0; number < facts.devices; number++)
    if (number % 10 < SCHEMES[0].to && isInStage(facts, number)) native.push(number)
  await target.run('begin')
  await target.run('create temporary table bench_stage (place bigint, number bigint)')
  for (let from = 0; from < native.length; from += 1000) {
    const rows = native.slice(from, from + 1000).map((number, index) => `(${from + index}, ${number})`)
    await target.run(`insert into bench_stage values ${rows.join(', ')}`)
  }
  await insertStaged(target, 'updates', `serial = ${templates.update}`, {
    serial: `${start} + place`,
    id: `'67400002' || ${target.hex16('number')}`,
    device: `${first} + number`,
    deadline: String(FAR),
  })
  await insertStaged(target, 'rollout_members', `newest_update = ${templates.update}`, {
    serial: '',
    device: `${first} + number`,
    newest_update: `${start} + place`,
    settle_at: String(FAR),
  })
  const counters = ['granted', 'devices', 'slots', 'open_devices', 'grant_limit']
  const added = counters.map(
    (name) => `${name} = case when ${name} > 9000000000 then ${name} else ${name} + ${native.length} end`,
  )
  await target.run(
    `update rollout_tallies set ${added.join(', ')} where rollout = ${templates.rollout} and granted > 0`,
  )
  await target.run('drop table bench_stage')
  await target.run('commit')
  await target.pushSerial('updates')
}

async function insertStaged(
  target: CloneTarget,
  table: string,
  of: string,
  overrides: Readonly<Record<string, string>>,
): Promise<void> {
  const columns = (await target.columns(table)).filter((column) => overrides[column] !== '')
  const values = columns.map((column) => overrides[column] ?? `t.${column}`)
  await target.run(`insert into ${table} (${columns.join(', ')})
    select ${values.join(', ')} from bench_stage cross join (select * from ${table} where ${of}) as t`)
}
