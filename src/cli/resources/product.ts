import type { Command } from 'commander'
import { segment } from '../client/api-client.ts'
import { objectsAt, textAt } from '../client/json.ts'
import type { Field } from '../options/fields.ts'
import type { Call } from '../options/online.ts'
import { gather } from '../options/options.ts'
import { addAct, addChange, addCreate, addList, addShow } from './verbs.ts'

const one = (call: Call) => `/products/${segment(call.args[0] ?? '')}`
const ARGUMENT = ['<product>', 'key or id'] as const

const FIELDS: readonly Field[] = [
  { member: 'name', flag: 'name', kind: 'text', meaning: 'display name', value: 'text' },
  {
    member: 'distribution',
    flag: 'distribution',
    kind: 'text',
    meaning: 'catalogue: devices choose among active firmware; managed: only what is granted to them',
    value: 'catalogue|managed',
  },
  {
    member: 'downgrades',
    flag: 'downgrades',
    kind: 'text',
    meaning: 'guarded: a plan may let devices go back to an older version; forbidden: none can',
    value: 'guarded|forbidden',
  },
  { member: 'aliases', flag: 'alias', kind: 'labels', meaning: "a vendor's name for it, such as enos/product-key=BXw" },
]

const NEW: readonly Field[] = [
  { member: 'id', flag: 'id', kind: 'text', meaning: 'a fixed id, 24 hex digits', value: 'id' },
  {
    member: 'number',
    flag: 'number',
    kind: 'number',
    meaning: "a fixed number, as a vendor's wire shows it",
    value: 'n',
  },
]

export function addProductCommands(program: Command): void {
  const noun = program.command('product').description('device models')
  addList(noun, {
    path: '/products',
    meaning: 'device models',
    columns: [
      'key',
      'name',
      'distribution',
      { title: 'modules', cell: (row) => objectsAt(row, 'modules').map((module) => textAt(module, 'key')) },
      'id',
    ],
    examples: ['godwit product list'],
  })
  addShow(noun, { path: one, meaning: 'one product', argument: ARGUMENT, examples: ['godwit product show panel'] })
  addCreate(noun, {
    path: () => '/products',
    meaning: 'make a product; without --module it gets one named main',
    argument: ['<key>', 'its key'],
    fields: [...FIELDS, ...NEW],
    extra: (command) => {
      command.option('--module <key>', 'a module; may be repeated, the first is the primary one', gather)
    },
    body: (call) => {
      const keys = call.options.list('module')
      return { key: call.args[0], ...(keys.length > 0 && { modules: keys.map((key) => ({ key })) }) }
    },
    examples: ['godwit product create panel --module display-app --module can-controller'],
  })
  addChange(noun, {
    path: one,
    meaning: 'change name, distribution, downgrades or vendor names',
    argument: ARGUMENT,
    fields: FIELDS,
    examples: ['godwit product change panel --distribution managed'],
  })
  addAct(noun, {
    name: 'delete',
    method: 'DELETE',
    path: one,
    meaning: 'delete a product to which no device, firmware or release refers',
    argument: ARGUMENT,
    done: 'is deleted',
    examples: ['godwit product delete panel'],
  })
}

const PRODUCT: readonly Field[] = [
  { member: 'product', flag: 'product', kind: 'text', meaning: 'key or id of the product', value: 'key' },
]

const modulesOf = ({ options }: Call) => `/products/${segment(options.required('product', '--product'))}/modules`
const module = (call: Call) => `${modulesOf(call)}/${segment(call.args[0] ?? '')}`

export function addModuleCommands(program: Command): void {
  const noun = program.command('module').description('parts of a product that take their own firmware')
  const argument = ['<module>', 'its key'] as const
  addList(noun, {
    path: modulesOf,
    meaning: 'modules of a product, the primary one first',
    columns: ['key', 'name', 'isPrimary', 'number', 'id'],
    required: PRODUCT,
    isWhole: true,
    examples: ['godwit module list --product panel'],
  })
  addShow(noun, {
    path: module,
    meaning: 'one module',
    argument,
    required: PRODUCT,
    examples: ['godwit module show display-app --product panel'],
  })
  addCreate(noun, {
    path: modulesOf,
    meaning: 'add a module to a product',
    argument,
    required: PRODUCT,
    fields: [{ member: 'name', flag: 'name', kind: 'text', meaning: 'display name', value: 'text' }, ...NEW],
    body: (call) => ({ key: call.args[0] }),
    examples: ['godwit module create can-controller --product panel'],
  })
  addChange(noun, {
    path: module,
    meaning: 'change the name of a module',
    argument,
    required: PRODUCT,
    fields: [{ member: 'name', flag: 'name', kind: 'text', meaning: 'display name', value: 'text' }],
    examples: ['godwit module change can-controller --product panel --name "CAN controller"'],
  })
  addAct(noun, {
    name: 'delete',
    method: 'DELETE',
    path: module,
    meaning: 'delete a module to which nothing refers; never the primary one',
    argument,
    required: PRODUCT,
    done: 'is deleted',
    examples: ['godwit module delete can-controller --product panel'],
  })
}
