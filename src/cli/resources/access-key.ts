import { type Command, Option } from 'commander'
import { segment } from '../client/api-client.ts'
import { at, textAt } from '../client/json.ts'
import { withExamples } from '../options/examples.ts'
import type { Field } from '../options/fields.ts'
import { type Call, online } from '../options/online.ts'
import { note, print, printJson } from '../output/print.ts'
import { addAct, addChange, addList, addShow, printThing } from './verbs.ts'

const one = (call: Call, rest = '') => `/access-keys/${segment(call.args[0] ?? '')}${rest}`
const ARGUMENT = ['<access-key>', 'key or id'] as const
const KEY = '11111111-2222-4333-8444-555555555555'

const permission = () =>
  new Option('--permission <list>', 'read, read,write or enrol').choices(['read', 'write', 'read,write', 'enrol'])

function permissionsOf({ options }: Call): { permissions?: string[] } {
  const text = options.text('permission')
  return text === undefined ? {} : { permissions: text === 'write' ? ['read', 'write'] : text.split(',') }
}

const NAME: Field = { member: 'name', flag: 'name', kind: 'text', meaning: 'display name', value: 'text' }

export function addAccessKeyCommands(program: Command): void {
  const noun = program.command('access-key').description('keys and secrets of programs, such as EnOS applications')
  addList(noun, {
    path: '/access-keys',
    meaning: 'keys that the organisation manages',
    columns: ['key', 'name', 'permissions', 'disabled', 'hasProof', 'id'],
    examples: ['godwit access-key list'],
  })
  addShow(noun, { path: one, meaning: 'one key', argument: ARGUMENT, examples: [`godwit access-key show ${KEY}`] })
  addCreateKey(noun)
  addChange(noun, {
    path: one,
    meaning: 'change name, permissions or whether it is disabled',
    argument: ARGUMENT,
    fields: [
      NAME,
      { member: 'disabled', flag: 'disable', kind: 'on', meaning: 'refuse it' },
      { member: 'disabled', flag: 'enable', kind: 'off', meaning: 'take it again' },
    ],
    extra: (command) => {
      command.addOption(permission())
    },
    body: permissionsOf,
    examples: [`godwit access-key change ${KEY} --permission read,write`],
  })
  addAct(noun, {
    name: 'grant',
    method: 'PUT',
    path: (call) => one(call, `/grants/${segment(call.options.required('reach', '--reach'))}`),
    meaning: 'let a key reach another organisation; for server administrators',
    argument: ['<access-key>', 'its key'],
    required: [{ member: 'reach', flag: 'reach', kind: 'text', meaning: 'the other organisation', value: 'key' }],
    extra: (command) => {
      command.addOption(permission().default('read'))
    },
    body: permissionsOf,
    done: 'reaches it',
    examples: [`godwit access-key grant ${KEY} --reach other --permission read`],
  })
  addProof(noun)
  addAct(noun, {
    name: 'delete',
    method: 'DELETE',
    path: one,
    meaning: 'delete a key; its tokens end at once',
    argument: ARGUMENT,
    done: 'is deleted',
    examples: [`godwit access-key delete ${KEY}`],
  })
}

function addCreateKey(noun: Command): void {
  const command = noun
    .command('create')
    .description('make a key; its secret is shown this once')
    .option('--key <key>', 'the public half; a UUID unless given')
    .option('--secret <text>', 'made up unless given')
    .option('--name <text>', 'display name')
    .addOption(permission())
  online(command, async (call) => {
    const { api, options } = call
    const body = {
      key: options.text('key'),
      secret: options.text('secret'),
      name: options.text('name'),
      ...permissionsOf(call),
    }
    const answer = await api.create('/access-keys', { body })
    printThing(call, answer)
    if (!call.json && at(answer, 'secret') !== undefined) note('The secret is shown only now.')
  })
  withExamples(command, 'godwit access-key create --name "EnOS back office" --permission read,write')
}

function addProof(noun: Command): void {
  const command = noun
    .command('proof')
    .description('issue a proof for programs whose own header proves nothing; prints it alone, this once')
    .argument(...ARGUMENT)
  online(command, async (call) => {
    const answer = await call.api.create(one(call, '/proof'))
    if (call.json) printJson(answer)
    else print(textAt(answer, 'proof'))
  })
  withExamples(command, `godwit access-key proof ${KEY}`)
}
