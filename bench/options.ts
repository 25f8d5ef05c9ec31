import { parseArgs } from 'node:util'
import { ROWS } from './rows.ts'

export interface Options {
  readonly devices: number
  readonly rounds: number
  readonly seconds: number
  /** Names of the rows that run. */
  readonly only: readonly string[]
  readonly json: string
  readonly compare?: string
  /** Take the results from there, and measure nothing. */
  readonly read?: string
  readonly writeDocs: boolean
  readonly strict: boolean
}

export const HELP = `npm run bench -- [options]

Measures Godwit against the least that could do the same, in turns within one run, and prints ratios.

  --only NAME        one row, or several with commas (see --list)
  --list             the names of the rows
  --devices N        registered devices (1000000); the fleet is made once and kept in .bench-cache
  --rounds N         rounds of each row (5); the median counts
  --seconds N        seconds of load in a round (3)
  --json FILE        where the results go (bench-results.json)
  --compare FILE     what changed against earlier results
  --read FILE        measure nothing; take the results from there
  --write-docs       put the results into docs/performance.md and .json; whole runs on 1000000 devices only
  --strict           exit with 1 when an aim is missed; otherwise only when something cannot be measured
  --help

GODWIT_BENCH_CACHE names another folder for fleets.`

/** What was asked for; `say`: print that and be done. Throws for options that make no sense. */
export function readOptions(args: readonly string[]): Options | { readonly say: string } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      devices: { type: 'string', default: '1000000' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      only: { type: 'string', multiple: true },
      json: { type: 'string', default: 'bench-results.json' },
      compare: { type: 'string' },
      read: { type: 'string' },
      list: { type: 'boolean', default: false },
      'write-docs': { type: 'boolean', default: false },
      strict: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return { say: HELP }
  if (values.list) return { say: ROWS.map(({ name, title }) => `${name.padEnd(20)} ${title}`).join('\n') }
  const { compare, read } = values
  return {
    devices: positive('--devices', values.devices, 100),
    rounds: positive('--rounds', values.rounds, 1),
    seconds: positive('--seconds', values.seconds, 0.05),
    only: rowsCalled(values.only),
    json: values.json,
    ...(compare !== undefined && { compare }),
    ...(read !== undefined && { read }),
    writeDocs: values['write-docs'],
    strict: values.strict,
  }
}

function positive(name: string, text: string, least: number): number {
  const value = Number(text)
  if (!(value >= least)) throw new Error(`${name} takes a number of at least ${least}`)
  return value
}

function rowsCalled(given: readonly string[] | undefined): string[] {
  const names = ROWS.map(({ name }) => name)
  if (given === undefined) return names
  const wanted = given.flatMap((list) => list.split(','))
  for (const name of wanted) if (!names.includes(name)) throw new Error(`There is no row ${name}; --list shows them`)
  return names.filter((name) => wanted.includes(name))
}
