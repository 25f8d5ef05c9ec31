import type { Command } from 'commander'
import { segment } from '../client/api-client.ts'
import type { JsonObject } from '../client/json.ts'
import type { Field } from '../options/fields.ts'
import type { Call } from '../options/online.ts'
import { labelsOf } from '../options/options.ts'
import { addAct, addChange, addCreate, addList, addShow } from './verbs.ts'

const one = (call: Call, action = '') => `/organisations/${segment(call.args[0] ?? '')}${action}`
const ARGUMENT = ['<organisation>', 'key or id'] as const

const FIELDS: readonly Field[] = [
  { member: 'name', flag: 'name', kind: 'text', meaning: 'display name', value: 'text' },
  { member: 'aliases', flag: 'alias', kind: 'labels', meaning: "a vendor's name for it, such as enos/org-id=o1" },
  { member: 'settings', flag: 'setting', kind: 'labels', meaning: 'a switch, such as spoke-zone/numeric-ids=true' },
]

export function addOrganisationCommands(program: Command): void {
  const noun = program.command('organisation').description('tenants; every other thing belongs to one')
  addList(noun, {
    path: '/organisations',
    meaning: 'the organisations that you may see',
    columns: ['key', 'name', 'role', 'frozen', 'defaultProduct', 'id'],
    examples: ['godwit organisation list'],
  })
  addShow(noun, {
    path: one,
    meaning: 'one organisation',
    argument: ARGUMENT,
    examples: ['godwit organisation show acme'],
  })
  addCreate(noun, {
    path: () => '/organisations',
    meaning: 'make an organisation; for server administrators',
    argument: ['<key>', 'its key'],
    fields: [...FIELDS, { member: 'id', flag: 'id', kind: 'text', meaning: 'a fixed id, 24 hex digits', value: 'id' }],
    body: (call) => ({ key: call.args[0], ...settings(call) }),
    hint: (call) => `To work in it: --organisation ${call.args[0]}, or GODWIT_ORGANISATION=${call.args[0]}.`,
    examples: ['godwit organisation create acme --name "Acme GmbH"'],
  })
  addChange(noun, {
    path: one,
    meaning: 'change name, default product, vendor names, settings',
    argument: ARGUMENT,
    fields: [
      ...FIELDS,
      {
        member: 'defaultProduct',
        flag: 'default-product',
        kind: 'nullable',
        meaning: 'for devices that a protocol creates',
        value: 'key',
      },
    ],
    body: settings,
    examples: ['godwit organisation change acme --default-product panel --alias enos/org-id=o15504745674071'],
  })
  addAct(noun, {
    name: 'freeze',
    method: 'POST',
    path: (call) => one(call, '/freeze'),
    meaning: 'offer nothing new to any of its devices; what is under way ends',
    argument: ARGUMENT,
    done: 'is frozen',
    facts: frozen,
    examples: ['godwit organisation freeze acme'],
  })
  addAct(noun, {
    name: 'thaw',
    method: 'POST',
    path: (call) => one(call, '/thaw'),
    meaning: 'end a freeze',
    argument: ARGUMENT,
    done: 'is thawed',
    facts: frozen,
    examples: ['godwit organisation thaw acme'],
  })
}

function frozen(row: JsonObject): JsonObject {
  return { key: row['key'], frozen: row['frozen'] }
}

/** Settings are typed: `true`, `false` and numbers are what they look like. */
function settings({ options }: Call): Record<string, unknown> {
  const given = Object.entries(labelsOf(options.list('setting'), '--setting'))
  const removed = options.list('removeSetting').map((name): [string, null] => [name, null])
  const typed = given.map(([name, text]): [string, unknown] => [name, typedValue(text)])
  return typed.length + removed.length === 0 ? {} : { settings: Object.fromEntries([...typed, ...removed]) }
}

function typedValue(text: string): boolean | number | string {
  if (text === 'true' || text === 'false') return text === 'true'
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
}
