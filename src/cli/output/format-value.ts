import { isJsonObject } from '../client/json.ts'

/** A value of the server's JSON as people read it in a table or a list of facts; nothing is `-`. */
export function formatValue(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'string') return readable(value)
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(formatValue).join(', ')
  if (!isJsonObject(value)) return String(value)
  const { key, version } = value
  if (typeof key === 'string') return typeof version === 'string' ? `${key} ${version}` : key
  const entries = Object.entries(value)
  return entries.length === 0 ? '-' : entries.map(([name, inner]) => `${name}=${formatValue(inner)}`).join(' ')
}

const TIME = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/

/** Times without fractions; control characters, which a device may have reported, do not reach the terminal. */
function readable(text: string): string {
  const [, day, time] = TIME.exec(text) ?? []
  if (day !== undefined) return `${day} ${time}`
  return text.replace(/\p{Cc}+/gu, ' ')
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** `1.5 MiB`. */
export function formatSize(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`
}
