import { createHash } from 'node:crypto'
import type { Attempt, Reply } from './case.ts'
import type { State } from './state.ts'
import type { Tenant } from './tenant.ts'

const TELLING = /^(?:[0-9a-f]{24}|[0-9a-f]{32,}|[A-Za-z0-9]{24}\.\w+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** What a tenant is given numbers for. */
const NUMBERS = [1, 2, 3, 4, 5, 11, 12, 13, 14, 15, 16, 21, 22, 23]

/** Every text that belongs to a tenant and to nobody else: ids, keys, names, versions, digests, secrets, bytes. */
export function markersOf(tenant: Tenant, state: State): Set<string> {
  const markers = new Set<string>(tenant.hidden)
  for (const line of state.owned.get(tenant.organisation.serial) ?? [])
    for (const text of textsIn(JSON.parse(line.slice(line.indexOf(' ')))))
      if (TELLING.test(text) || text.includes(tenant.mark)) markers.add(text)
  for (const number of NUMBERS) markers.add(String(tenant.base + number))
  for (const name of ['1.0.0', '2.0.0', '3.0.0', 'deployed', 'group-deployed', 'data-file'])
    markers.add(tenant.image(name).subarray(0, 30).toString())
  return markers
}

function* textsIn(value: unknown): Generator<string> {
  if (typeof value === 'string') {
    yield value
    if (/^[[{]/.test(value)) yield* textsIn(parsed(value))
  } else if (typeof value === 'object' && value !== null)
    for (const [name, member] of Object.entries(value)) {
      yield name
      yield* textsIn(member)
    }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What a reply tells that its request did not bring along. */
export function leaked(markers: ReadonlySet<string>, attempt: Attempt, reply: Reply): string[] {
  const asked = textOf(attempt)
  const told = `${JSON.stringify([...reply.headers])}\n${reply.text}`
  return [...markers].filter((marker) => told.includes(marker) && !asked.includes(marker))
}

function textOf({ path, headers, body }: Attempt): string {
  const bytes = body === undefined ? '' : Buffer.from(body).toString('latin1')
  return [path, decodeURIComponent(path), JSON.stringify(headers ?? {}), bytes].join('\n')
}

/** Replaces whatever is a tenant's own by something of the same shape that exists nowhere. */
export type Disguise = <T>(value: T) => T

export function disguiseOf(tenant: Tenant): Disguise {
  const number = (value: number): number =>
    value > tenant.base && value < tenant.base + 100_000 ? value + 500_000_000 : value
  const text = (value: string): string =>
    value
      .replaceAll(tenant.mark, 'zzzzzz')
      .replaceAll(/\b7\d{9}\b/g, (digits) => String(number(Number(digits))))
      .replaceAll(/\b[0-9a-f]{24}\b/g, (id) => createHash('sha256').update(id).digest('hex').slice(0, 24))
  const disguise: Disguise = <T>(value: T): T => {
    if (typeof value === 'string') return text(value) as T
    if (typeof value === 'number') return number(value) as T
    if (Array.isArray(value)) return value.map(disguise) as T
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, disguise(member)])) as T
  }
  return disguise
}
