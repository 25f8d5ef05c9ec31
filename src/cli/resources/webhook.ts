import type { Command } from 'commander'
import { segment } from '../client/api-client.ts'
import { at, type JsonObject, textAt } from '../client/json.ts'
import { CommandFailure } from '../exit.ts'
import { withExamples } from '../options/examples.ts'
import type { Field } from '../options/fields.ts'
import { type Call, online } from '../options/online.ts'
import { note, print, printJson } from '../output/print.ts'
import { addAct, addChange, addList, addShow, printThing } from './verbs.ts'

const one = (call: Call, rest = '') => `/webhooks/${segment(call.args[0] ?? '')}${rest}`
const ARGUMENT = ['<webhook>', 'its id'] as const
const ID = '5e2b1c808711f904f5df4bc2'
const URL_FIELD: Field = { member: 'url', flag: 'url', kind: 'text', meaning: 'http or https', value: 'address' }
const NAME: Field = { member: 'name', flag: 'name', kind: 'text', meaning: 'display name', value: 'text' }
const TYPES = 'types, separated by commas; device.* = all of devices'

const typesOf = ({ options }: Call): { types?: string[] } => {
  const text = options.text('types')
  return text === undefined ? {} : { types: text === '' ? [] : text.split(',') }
}

export function addWebhookCommands(program: Command): void {
  const noun = program.command('webhook').description('where events are sent')
  addList(noun, {
    path: '/webhooks',
    meaning: 'webhooks, and how their deliveries go',
    columns: [
      'name',
      'url',
      'types',
      { title: 'state', cell: state },
      { title: 'last', cell: (row) => at(row, 'delivery.lastError') ?? at(row, 'delivery.lastStatus') },
      { title: 'dead letters', cell: (row) => at(row, 'delivery.deadLetters') },
      'id',
    ],
    examples: ['godwit webhook list'],
  })
  addShow(noun, { path: one, meaning: 'one webhook', argument: ARGUMENT, examples: [`godwit webhook show ${ID}`] })
  addCreateWebhook(noun)
  addChange(noun, {
    path: one,
    meaning: 'change name, address, types or whether it is active; --enable also resumes one that the server paused',
    argument: ARGUMENT,
    fields: [
      URL_FIELD,
      NAME,
      { member: 'active', flag: 'disable', kind: 'off', meaning: 'send nothing, and keep everything for later' },
      { member: 'active', flag: 'enable', kind: 'on', meaning: 'send, what was kept first' },
    ],
    extra: (command) => {
      command.option('--types <list>', `${TYPES}; "" = all`)
    },
    body: typesOf,
    examples: [
      `godwit webhook change ${ID} --types update.failed,update.rolled-back`,
      `godwit webhook change ${ID} --enable`,
    ],
  })
  addSecret(noun)
  addTest(noun)
  addDeadLetters(noun)
  addAct(noun, {
    name: 'delete',
    method: 'DELETE',
    path: one,
    meaning: 'delete a webhook with its dead letters',
    argument: ARGUMENT,
    done: 'is deleted',
    examples: [`godwit webhook delete ${ID}`],
  })
}

function addCreateWebhook(noun: Command): void {
  const command = noun
    .command('create')
    .description('have events sent to an address, from now on; the secret is shown this once')
    .argument('<url>', 'http or https')
    .option('--name <text>', 'display name; the host of the address unless given')
    .option('--types <list>', `${TYPES}; all unless given`)
    .option('--secret <text>', 'whsec_ and 24 to 64 bytes in base64; made up unless given')
    .option('--disable', 'send nothing yet')
  online(command, async (call) => {
    const { api, args, options } = call
    const body = {
      url: args[0],
      name: options.text('name'),
      secret: options.text('secret'),
      ...(options.flag('disable') && { active: false }),
      ...typesOf(call),
    }
    const answer = await api.create('/webhooks', { body })
    printThing(call, answer, factsOf)
    if (!call.json) note('The secret is shown only now.')
  })
  withExamples(command, 'godwit webhook create https://hooks.acme.example/godwit --types update,device.created')
}

function addSecret(noun: Command): void {
  const command = noun
    .command('secret')
    .description('replace the secret; prints the new one alone, this once')
    .argument(...ARGUMENT)
    .option('--secret <text>', 'whsec_ and 24 to 64 bytes in base64; made up unless given')
    .option('--overlap <seconds>', 'how long deliveries are signed with the former one too')
  online(command, async (call) => {
    const { api, options } = call
    const body = { secret: options.text('secret'), overlapSeconds: options.number('overlap', '--overlap') }
    const answer = await api.create(one(call, '/secret'), { body })
    if (call.json) printJson(answer)
    else print(textAt(answer, 'secret'))
  })
  withExamples(command, `godwit webhook secret ${ID} --overlap 3600`)
}

function addTest(noun: Command): void {
  const command = noun
    .command('test')
    .description('send an event of type webhook.test now, and tell what became of it')
    .argument(...ARGUMENT)
  online(command, async (call) => {
    const answer = await call.api.send('POST', one(call, '/test'))
    if (call.json) printJson(answer)
    if (answer['delivered'] !== true) throw new CommandFailure(`not delivered: ${textAt(answer, 'error')}.`)
    if (!call.json) print(`delivered: ${textAt(answer, 'status')}`)
  })
  withExamples(command, `godwit webhook test ${ID}`)
}

function addDeadLetters(noun: Command): void {
  addList(noun, {
    name: 'dead-letters',
    path: (call) => one(call, '/dead-letters'),
    meaning: 'events that could not be delivered, oldest first',
    argument: ARGUMENT,
    columns: ['givenUpAt', 'type', 'event', 'attempts', 'lastStatus', 'lastError', 'queuedAt', 'id'],
    examples: [`godwit webhook dead-letters ${ID}`],
  })
  const command = noun
    .command('replay')
    .description('have one dead letter, or all of them, sent once more')
    .argument(...ARGUMENT)
    .argument('[letter]', 'its id; all unless given')
  online(command, async (call) => {
    const [, letter] = call.args
    const path = letter === undefined ? '/dead-letters/replay' : `/dead-letters/${segment(letter)}/replay`
    const answer = await call.api.send('POST', one(call, path))
    if (call.json) printJson(answer)
    else print(`${textAt(answer, 'queued')} queued`)
  })
  withExamples(command, `godwit webhook replay ${ID}`)
}

function state(row: unknown): string {
  if (at(row, 'active') !== true) return 'off'
  return at(row, 'paused') == null ? 'on' : `paused: ${textAt(row, 'paused.reason')}`
}

/** What matters of a new one. */
function factsOf({ id, name, url, types, secret }: JsonObject): JsonObject {
  return { id, name, url, types, secret }
}
