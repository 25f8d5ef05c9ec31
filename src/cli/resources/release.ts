import type { Command } from 'commander'
import { segment } from '../client/api-client.ts'
import { type JsonObject, objectsAt, textAt } from '../client/json.ts'
import { usage } from '../exit.ts'
import type { Call } from '../options/online.ts'
import { gather, labelsOf } from '../options/options.ts'
import { addAct, addCreate, addList, addShow } from './verbs.ts'

const one = (call: Call) => `/releases/${segment(call.args[0] ?? '')}`
const ARGUMENT = ['<release>', 'its id'] as const
const ID = '5e2b1c808711f904f5df4bae'

export function addReleaseCommands(program: Command): void {
  const noun = program.command('release').description('firmware of one or more modules under one version')
  addList(noun, {
    path: '/releases',
    meaning: 'named releases',
    columns: ['product', 'version', { title: 'firmware', cell: contents }, 'createdAt', 'id'],
    filters: [{ flag: 'product', query: 'product', meaning: 'key or id of the product', value: 'key' }],
    examples: ['godwit release list --product panel'],
  })
  addShow(noun, {
    path: one,
    meaning: 'one release',
    argument: ARGUMENT,
    facts,
    examples: [`godwit release show ${ID}`],
  })
  addCreate(noun, {
    path: () => '/releases',
    meaning: 'put firmware under one version; the firmware never changes again',
    argument: ['<version>', 'version of the release'],
    required: [{ member: 'product', flag: 'product', kind: 'text', meaning: 'key or id of the product', value: 'key' }],
    fields: [
      { member: 'product', flag: 'product', kind: 'text', meaning: '', value: 'key' },
      { member: 'id', flag: 'id', kind: 'text', meaning: 'a fixed id, 24 hex digits', value: 'id' },
    ],
    extra: (command) => {
      command.option('--firmware <module=version>', 'firmware of one module; repeat it for each', gather)
    },
    body: ({ args, options }) => {
      const firmware = labelsOf(options.list('firmware'), '--firmware')
      if (Object.keys(firmware).length === 0) throw usage('--firmware is needed: MODULE=VERSION')
      return { version: args[0], firmware }
    },
    facts,
    examples: [
      'godwit release create 2026.11 --product panel --firmware display-app=1.3.0 --firmware can-controller=0.9.0',
    ],
  })
  addAct(noun, {
    name: 'delete',
    method: 'DELETE',
    path: one,
    meaning: 'delete a release to which no assignment or update refers',
    argument: ARGUMENT,
    done: 'is deleted',
    examples: [`godwit release delete ${ID}`],
  })
}

/** `display-app 1.3.0, can-controller 0.9.0`. */
export function contents(release: unknown): string[] {
  return objectsAt(release, 'firmware').map((one) => `${textAt(one, 'module')} ${textAt(one, 'version')}`.trim())
}

function facts(row: JsonObject): JsonObject {
  return { ...row, firmware: contents(row) }
}
