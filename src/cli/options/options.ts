import { usage } from '../exit.ts'

/** The options that a command was given, read by kind. */
export class Options {
  readonly #values: Readonly<Record<string, unknown>>

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values
  }

  text(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === 'string' ? value : undefined
  }

  /** As `text`; an option that must be there. */
  required(name: string, flag: string): string {
    const value = this.text(name)
    if (value === undefined) throw usage(`${flag} is needed`)
    return value
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  /** Whether `--no-<name>` was given. */
  negated(name: string): boolean {
    return this.#values[name] === false
  }

  /** Values of an option that may be repeated. */
  list(name: string): readonly string[] {
    const value = this.#values[name]
    return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
  }

  number(name: string, flag: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = Number(text)
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw usage(`${flag}: "${text}" is not a whole number`)
    return value
  }
}

/** `k=v` of an option that may be repeated; the value may be empty and may hold further signs of equality. */
export function labelsOf(pairs: readonly string[], flag: string): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const sign = pair.indexOf('=')
      if (sign < 1) throw usage(`${flag}: "${pair}" is not NAME=VALUE`)
      return [pair.slice(0, sign), pair.slice(sign + 1)]
    }),
  )
}

/** For commander: gathers a repeated option. */
export function gather(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}
