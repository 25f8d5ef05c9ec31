import { type Command, Option } from 'commander'
import { segment } from '../client/api-client.ts'
import { at, isJsonObject, type JsonObject, objectsAt, textAt } from '../client/json.ts'
import { withExamples } from '../options/examples.ts'
import type { Field } from '../options/fields.ts'
import { type Call, online } from '../options/online.ts'
import { note, print, printJson, printLines } from '../output/print.ts'
import { factLines } from '../output/table.ts'
import { CREDENTIAL_COLUMNS, SCHEMES, setCredential } from './credential.ts'
import { addDeviceFiles } from './device-files.ts'
import { credentialsBody, withCredentials } from './new-credentials.ts'
import { addAct, addChange, addCreate, addList, addShow, type Filter, versionsOf } from './verbs.ts'

const one = (call: Call, rest = '') => `/devices/${segment(call.args[0] ?? '')}${rest}`
const ARGUMENT = ['<device>', 'key or id'] as const

export const DEVICE_COLUMNS = [
  'key',
  'name',
  'product',
  'group',
  'status',
  { title: 'running', cell: (row: unknown) => versionsOf(at(row, 'running')) },
  'lastSeenAt',
  'id',
]

export const DEVICE_FILTERS: readonly Filter[] = [
  { flag: 'product', query: 'product', meaning: 'key or id of the product', value: 'key' },
  { flag: 'group', query: 'group', meaning: 'key or id of the group', value: 'key' },
  { flag: 'status', query: 'status', meaning: 'state', value: 'status', choices: ['active', 'disabled'] },
  { flag: 'search', query: 'search', meaning: 'part of key or name', value: 'text' },
  { flag: 'filter', query: 'filter', meaning: 'a filter: tag.site = "graz" and not group exists', value: 'filter' },
]

const FIELDS: readonly Field[] = [
  { member: 'name', flag: 'name', kind: 'text', meaning: 'display name', value: 'text' },
  { member: 'product', flag: 'product', kind: 'nullable', meaning: 'key or id of the product', value: 'key' },
  { member: 'group', flag: 'group', kind: 'nullable', meaning: 'key or id of the group', value: 'key' },
  {
    member: 'status',
    flag: 'status',
    kind: 'text',
    meaning: 'active, or disabled: it is offered nothing',
    value: 'status',
  },
  { member: 'tags', flag: 'tag', kind: 'labels', meaning: 'a tag' },
  { member: 'attributes', flag: 'attribute', kind: 'labels', meaning: 'an attribute' },
  { member: 'aliases', flag: 'alias', kind: 'labels', meaning: "a vendor's name for it, such as enos/asset-id=zzz" },
]

export function addDeviceCommands(program: Command): void {
  const noun = program.command('device').description('devices: what they are, how they prove themselves, what they run')
  addList(noun, {
    path: '/devices',
    meaning: 'devices, in the order in which they were made',
    columns: DEVICE_COLUMNS,
    filters: DEVICE_FILTERS,
    examples: [
      'godwit device list --product panel --all',
      'godwit device list --search truck --json',
      `godwit device list --filter 'tag.site = "graz" and version != "1.3.0"'`,
    ],
  })
  addShow(noun, {
    path: one,
    meaning: 'one device',
    argument: ARGUMENT,
    facts,
    examples: ['godwit device show truck-17'],
  })
  addCreate(noun, {
    path: () => '/devices',
    meaning: 'make a device; secrets that are made up are shown this once',
    argument: ['<key>', 'its key'],
    fields: [
      ...FIELDS,
      { member: 'id', flag: 'id', kind: 'text', meaning: 'a fixed id, 24 hex digits', value: 'id' },
      {
        member: 'number',
        flag: 'number',
        kind: 'number',
        meaning: "a fixed number, as a vendor's wire shows it",
        value: 'n',
      },
    ],
    extra: withCredentials,
    body: (call) => ({ key: call.args[0], ...credentialsBody(call.options) }),
    facts,
    examples: [
      'godwit device create truck-17 --product panel --tag site=graz --iotaap',
      'godwit device create truck-18 --product panel --spoke-zone cpuId=c-1 --spoke-zone uuid=u-1',
    ],
  })
  addChange(noun, {
    path: one,
    meaning: 'change name, product, group, status, tags, attributes or vendor names',
    argument: ARGUMENT,
    fields: FIELDS,
    confirms: true,
    facts,
    examples: [
      'godwit device change truck-17 --group pilot --remove-tag site',
      'godwit device change truck-17 --status disabled',
    ],
  })
  addAct(noun, {
    name: 'delete',
    method: 'DELETE',
    path: one,
    meaning: 'delete a device with its credentials, assignment and updates',
    argument: ARGUMENT,
    done: 'is deleted',
    examples: ['godwit device delete truck-17'],
  })
  addExplain(noun)
  addToken(noun)
  addDeviceFiles(noun)
  addCredentialCommands(noun)
}

function addExplain(noun: Command): void {
  const command = noun
    .command('explain')
    .description('why is this device (not) updating? the very decision that it would get now')
    .argument(...ARGUMENT)
    .option('--via <protocol>', 'the protocol that asks')
  online(command, async (call) => {
    const answer = await call.api.get(one(call, '/explain'), { via: call.options.text('via') })
    if (call.json) return printJson(answer)
    print(textAt(answer, 'words'))
    printLines(
      factLines({
        decision: at(answer, 'decision.kind'),
        because: at(answer, 'decision.because'),
        offer: at(answer, 'decision.offer.release.version'),
        product: at(answer, 'facts.device.product'),
        running: versionsOf(at(answer, 'facts.device.running')),
        credentials: at(answer, 'facts.credentials'),
        update: updateLine(at(answer, 'facts.openUpdate') ?? at(answer, 'facts.latestUpdate')),
      }),
    )
    for (const one of objectsAt(answer, 'considered'))
      print(`rollout ${textAt(one, 'rollout.key')}: ${textAt(one, 'words')}`)
  })
  withExamples(command, 'godwit device explain truck-17')
}

function updateLine(update: unknown): string {
  const version = textAt(update, 'release.version')
  return version === '' ? '' : `${version}: ${textAt(update, 'state')} over ${textAt(update, 'via')}`
}

function addToken(noun: Command): void {
  const command = noun
    .command('token')
    .description('issue the signed token by which a device proves itself; prints the token alone')
    .argument(...ARGUMENT)
    .addOption(new Option('--protocol <name>', 'whose token').makeOptionMandatory())
  online(command, async (call) => {
    const query = { protocol: call.options.text('protocol') }
    const answer = await call.api.send('POST', one(call, '/token'), { query })
    if (call.json) printJson(answer)
    else print(textAt(answer, 'token'))
  })
  withExamples(command, 'godwit device token truck-17 --protocol spoke-zone')
}

function addCredentialCommands(noun: Command): void {
  const credential = noun.command('credential').description('how a device proves itself over each protocol')
  const scheme = (call: Call, rest = '') => one(call, `/credentials/${segment(call.args[1] ?? '')}${rest}`)
  addList(credential, {
    path: (call) => one(call, '/credentials'),
    meaning: 'credentials of a device, without secrets',
    argument: ARGUMENT,
    columns: CREDENTIAL_COLUMNS,
    isWhole: true,
    examples: ['godwit device credential list truck-17'],
  })
  for (const name of ['set', 'rotate'] as const)
    setCredential(credential, {
      name,
      argument: ARGUMENT,
      schemes: SCHEMES,
      path: (call) => scheme(call),
      examples:
        name === 'set'
          ? [
              'godwit device credential set truck-17 iotaap --secret FSXuSmJRiJ4v',
              'godwit device credential set truck-17 spoke-zone --value cpuId=c-1 --value uuid=u-1',
            ]
          : ['godwit device credential rotate truck-17 native --overlap 3600'],
    })
  const act = (
    name: string,
    meaning: string,
    how: { method: 'POST' | 'DELETE' | 'GET'; rest: string; done: string },
  ) => {
    const command = credential
      .command(name)
      .description(meaning)
      .argument(...ARGUMENT)
      .argument('<scheme>', SCHEMES.join(', '))
    online(command, async (call) => {
      if (how.method === 'GET') {
        const answer = await call.api.get(scheme(call, how.rest))
        return call.json ? printJson(answer) : print(textAt(answer, 'secret'))
      }
      const answer = await call.api.send(how.method, scheme(call, how.rest))
      if (call.json) printJson(answer)
      else print(`${call.args[0]} ${call.args[1]} ${how.done}`)
    })
    withExamples(command, `godwit device credential ${name} truck-17 iotaap`)
  }
  act('remove', 'take a credential away, at once', { method: 'DELETE', rest: '', done: 'is removed' })
  act('revoke', 'refuse every signed token that was issued to the device before', {
    method: 'POST',
    rest: '/revoke',
    done: 'tokens are revoked',
  })
  act('reveal', 'print a secret that is kept readable; for owners, and it leaves an event', {
    method: 'GET',
    rest: '/secret',
    done: '',
  })
}

/** Secrets that were made up come last, each by its scheme. */
function facts(row: JsonObject): JsonObject {
  const { running, secrets, ...rest } = row
  const made = Object.entries(isJsonObject(secrets) ? secrets : {}).map(([scheme, members]) => [
    `${scheme} secret`,
    isJsonObject(members) ? Object.values(members)[0] : undefined,
  ])
  if (made.length > 0) note('Secrets were made up; native tokens are shown only now.')
  return { ...rest, running: versionsOf(running), ...Object.fromEntries(made) }
}
