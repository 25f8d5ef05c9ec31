import { usage } from '../exit.ts'
import { camel } from '../options/fields.ts'
import type { Options } from '../options/options.ts'

/** Options of a simulation, read by kind; `flag` is the long name without dashes. Whatever cannot be is wrong usage. */

export function share(options: Options, flag: string): number {
  return shareOf(`--${flag}`, optional(options, flag, (text) => text) ?? '')
}

/** 0.05 or 5%. */
export function shareOf(flag: string, text: string): number {
  const number = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text)
  if (text === '' || !(number >= 0 && number <= 1)) throw usage(`${flag}: "${text}" is not a share such as 0.05 or 5%`)
  return number
}

export function whole(options: Options, flag: string, range: readonly [number, number]): number {
  const number = optional(options, flag, Number) ?? Number.NaN
  if (!Number.isInteger(number)) throw usage(`--${flag}: must be a whole number`)
  return within(`--${flag}`, number, range)
}

export function within(flag: string, number: number, [least, most]: readonly [number, number]): number {
  if (!(number >= least && number <= most)) throw usage(`${flag}: must be a number from ${least} to ${most}`)
  return number
}

export function optional<T>(options: Options, flag: string, read: (text: string) => T): T | undefined {
  const text = options.text(camel(flag))
  return text === undefined ? undefined : read(text)
}

/** 0.05 as 5 %. */
export function percent(value: number): string {
  return `${Number((value * 100).toFixed(2))} %`
}
