import type { Command } from 'commander'
import { segment } from '../client/api-client.ts'
import { at, type JsonObject } from '../client/json.ts'
import type { Field } from '../options/fields.ts'
import type { Call } from '../options/online.ts'
import { note } from '../output/print.ts'
import { addAct, addChange, addCreate, addList, addShow } from './verbs.ts'

const ofProduct = ({ options }: Call) => `/products/${segment(options.required('product', '--product'))}/floors`
const one = (call: Call) => `/floors/${segment(call.args[0] ?? '')}`
const ARGUMENT = ['<floor>', 'its id'] as const
const ID = '5e2b1c808711f904f5df4bb1'

const PRODUCT: readonly Field[] = [
  { member: 'product', flag: 'product', kind: 'text', meaning: 'key or id of the product', value: 'key' },
]
const REASON: Field = {
  member: 'reason',
  flag: 'reason',
  kind: 'text',
  meaning: 'why, for whoever asks',
  value: 'text',
}

export function addFloorCommands(program: Command): void {
  const noun = program.command('floor').description('versions that no device may jump over')
  addList(noun, {
    path: ofProduct,
    meaning: 'versions that no device of a product may jump over',
    columns: [
      'module',
      'version',
      'reason',
      { title: 'withdrawn', cell: (row) => at(row, 'firmware.withdrawn') },
      'id',
    ],
    required: PRODUCT,
    examples: ['godwit floor list --product panel'],
  })
  addShow(noun, { path: one, meaning: 'one floor', argument: ARGUMENT, facts, examples: [`godwit floor show ${ID}`] })
  addCreate(noun, {
    path: ofProduct,
    meaning: 'make a version one that no device may jump over; it is sealed',
    required: [
      ...PRODUCT,
      { member: 'version', flag: 'version', kind: 'text', meaning: 'version of a firmware', value: 'version' },
      REASON,
    ],
    fields: [
      { member: 'module', flag: 'module', kind: 'text', meaning: 'the primary module unless given', value: 'key' },
      { member: 'id', flag: 'id', kind: 'text', meaning: 'a fixed id, 24 hex digits', value: 'id' },
    ],
    body: ({ options }) => ({
      version: options.required('version', '--version'),
      reason: options.required('reason', '--reason'),
    }),
    facts: warning,
    examples: ['godwit floor create --product panel --version 2.0.0 --reason "moves the partitions"'],
  })
  addChange(noun, {
    path: one,
    meaning: 'change the reason',
    argument: ARGUMENT,
    fields: [REASON],
    facts,
    examples: [`godwit floor change ${ID} --reason "moves the partitions, needs 60 s"`],
  })
  addAct(noun, {
    name: 'delete',
    method: 'DELETE',
    path: one,
    meaning: 'let devices jump over the version again; the firmware stays',
    argument: ARGUMENT,
    done: 'is no floor any more',
    examples: [`godwit floor delete ${ID}`],
  })
}

function facts({ firmware, ...row }: JsonObject): JsonObject {
  return { ...row, firmware: at({ firmware }, 'firmware.id'), withdrawn: at({ firmware }, 'firmware.withdrawn') }
}

function warning({ warnings, ...row }: JsonObject): JsonObject {
  if (Array.isArray(warnings)) for (const one of warnings) note(`warning: ${one}`)
  return facts(row)
}
