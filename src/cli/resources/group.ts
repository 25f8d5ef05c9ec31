import type { Command } from 'commander'
import { segment } from '../client/api-client.ts'
import type { Field } from '../options/fields.ts'
import type { Call } from '../options/online.ts'
import { gather } from '../options/options.ts'
import { CREDENTIAL_COLUMNS, setCredential } from './credential.ts'
import { DEVICE_COLUMNS } from './device.ts'
import { addAct, addChange, addCreate, addList, addShow } from './verbs.ts'

const one = (call: Call, rest = '') => `/groups/${segment(call.args[0] ?? '')}${rest}`
const ARGUMENT = ['<group>', 'key or id'] as const
const NAME: Field = { member: 'name', flag: 'name', kind: 'text', meaning: 'display name', value: 'text' }

export function addGroupCommands(program: Command): void {
  const noun = program.command('group').description('explicit sets of devices')
  addList(noun, {
    path: '/groups',
    meaning: 'device groups',
    columns: ['key', 'name', 'members', 'id'],
    filters: [{ flag: 'search', query: 'search', meaning: 'part of key or name', value: 'text' }],
    examples: ['godwit group list'],
  })
  addShow(noun, { path: one, meaning: 'one group', argument: ARGUMENT, examples: ['godwit group show pilot'] })
  addCreate(noun, {
    path: () => '/groups',
    meaning: 'make a group',
    argument: ['<key>', 'its key'],
    fields: [NAME, { member: 'id', flag: 'id', kind: 'text', meaning: 'a fixed id, 24 hex digits', value: 'id' }],
    body: (call) => ({ key: call.args[0] }),
    examples: ['godwit group create pilot'],
  })
  addChange(noun, {
    path: one,
    meaning: 'change the name of a group',
    argument: ARGUMENT,
    fields: [NAME],
    examples: ['godwit group change pilot --name "Pilot fleet"'],
  })
  addAct(noun, {
    name: 'delete',
    method: 'DELETE',
    path: one,
    meaning: 'delete a group; its members stay, its credential and assignment go',
    argument: ARGUMENT,
    done: 'is deleted',
    confirms: true,
    examples: ['godwit group delete pilot'],
  })
  addMembers(noun)
  addGroupCredential(noun)
}

function addMembers(noun: Command): void {
  addList(noun, {
    name: 'members',
    path: (call) => one(call, '/members'),
    meaning: 'devices of a group',
    argument: ARGUMENT,
    columns: DEVICE_COLUMNS,
    examples: ['godwit group members pilot --all'],
  })
  for (const [name, member, done] of [
    ['add', 'add', 'has them'],
    ['remove', 'remove', 'has them no more'],
  ] as const)
    addAct(noun, {
      name,
      method: 'POST',
      path: (call) => one(call, '/members'),
      meaning: name === 'add' ? 'take devices in; a device leaves its other group' : 'take devices out',
      argument: ARGUMENT,
      extra: (command) => {
        command.requiredOption('--device <key>', 'key or id of a device; may be repeated', gather)
      },
      body: ({ options }) => ({ [member]: options.list('device') }),
      done,
      confirms: true,
      examples: [`godwit group ${name} pilot --device truck-17 --device truck-18`],
    })
}

function addGroupCredential(noun: Command): void {
  const credential = noun.command('credential').description('the token by which IoTaaP devices of a group ask')
  addList(credential, {
    path: (call) => one(call, '/credentials'),
    meaning: 'the credential of a group, without its secret',
    argument: ARGUMENT,
    columns: CREDENTIAL_COLUMNS,
    isWhole: true,
    examples: ['godwit group credential list pilot'],
  })
  for (const name of ['set', 'rotate'] as const)
    setCredential(credential, {
      name,
      argument: ARGUMENT,
      schemes: ['iotaap'],
      path: (call, scheme) => one(call, `/credentials/${scheme}`),
      examples: [`godwit group credential ${name} pilot iotaap`],
    })
  addAct(credential, {
    name: 'remove',
    method: 'DELETE',
    path: (call) => one(call, '/credentials/iotaap'),
    meaning: 'take the token of a group away, at once',
    argument: ARGUMENT,
    done: 'has no token',
    examples: ['godwit group credential remove pilot'],
  })
}
