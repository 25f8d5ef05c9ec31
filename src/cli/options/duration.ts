import { usage } from '../exit.ts'

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }

/** Seconds of `90`, `90s`, `5m`, `1h30m`, `2d`; undefined for anything else. */
export function secondsOf(text: string): number | undefined {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  if (!/^(\d{1,9}[dhms])+$/.test(text)) return undefined
  let seconds = 0
  for (const [, amount, unit = ''] of text.matchAll(/(\d+)([dhms])/g)) seconds += Number(amount) * (UNITS[unit] ?? 0)
  return seconds
}

/** As `secondsOf`; anything else is wrong usage of `what`. */
export function readSeconds(text: string, what: string): number {
  const seconds = secondsOf(text)
  if (seconds === undefined) throw usage(`${what}: "${text}" is not a time such as 90s, 30m, 1h30m or 2d`)
  return seconds
}
