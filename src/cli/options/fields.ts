import { type Command, Option } from 'commander'
import { gather, labelsOf, type Options } from './options.ts'

/**
 * A member of a request's body as an option. `nullable` and `nullable-number` also make `--no-<flag>`, which sends null; `labels` may be
 * repeated, and in a change `--remove-<flag> NAME` takes one away.
 */
export interface Field {
  readonly member: string
  /** Long name without dashes. */
  readonly flag: string
  readonly kind: 'text' | 'number' | 'nullable' | 'nullable-number' | 'labels' | 'on' | 'off'
  readonly meaning: string
  /** What stands for the value in the help; `key` and the like. */
  readonly value?: string
}

export function withFields(command: Command, fields: readonly Field[], verb: 'create' | 'change'): Command {
  for (const field of fields) for (const option of optionsOf(field, verb)) command.addOption(option)
  return command
}

function optionsOf({ flag, kind, meaning, value = 'value' }: Field, verb: 'create' | 'change'): Option[] {
  const plain = new Option(`--${flag} <${value}>`, meaning)
  switch (kind) {
    case 'text':
    case 'number':
      return [plain]
    case 'nullable':
    case 'nullable-number':
      return [plain, new Option(`--no-${flag}`, 'none')]
    case 'labels': {
      const pairs = new Option(`--${flag} <name=value>`, `${meaning}; may be repeated`).argParser(gather)
      const remove = new Option(`--remove-${flag} <name>`, 'take one away; may be repeated').argParser(gather)
      return verb === 'change' ? [pairs, remove] : [pairs]
    }
    case 'on':
    case 'off':
      return [new Option(`--${flag}`, meaning)]
  }
}

/** The body that the given options make; members that were not given are absent. */
export function bodyOf(fields: readonly Field[], options: Options): Record<string, unknown> {
  const body: Record<string, unknown> = {}
  for (const field of fields) {
    const value = givenValue(field, options)
    if (value !== undefined) body[field.member] = value
  }
  return body
}

function givenValue({ flag, kind }: Field, options: Options): unknown {
  const name = camel(flag)
  switch (kind) {
    case 'text':
      return options.text(name)
    case 'number':
      return options.number(name, `--${flag}`)
    case 'nullable':
      return options.negated(name) ? null : options.text(name)
    case 'nullable-number':
      return options.negated(name) ? null : options.number(name, `--${flag}`)
    case 'labels': {
      const added = labelsOf(options.list(name), `--${flag}`)
      const removed = options.list(camel(`remove-${flag}`)).map((label): [string, null] => [label, null])
      const labels = { ...added, ...Object.fromEntries(removed) }
      return Object.keys(labels).length === 0 ? undefined : labels
    }
    case 'on':
      return options.flag(name) ? true : undefined
    case 'off':
      return options.flag(name) ? false : undefined
  }
}

/** As commander names the option's attribute. */
export function camel(flag: string): string {
  return flag.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}
