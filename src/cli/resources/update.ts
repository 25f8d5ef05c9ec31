import type { Command } from 'commander'
import { segment } from '../client/api-client.ts'
import { at, type JsonObject, objectsAt, textAt } from '../client/json.ts'
import type { Call } from '../options/online.ts'
import { addAct, addList, addShow } from './verbs.ts'

const one = (call: Call, rest = '') => `/updates/${segment(call.args[0] ?? '')}${rest}`
const ARGUMENT = ['<update>', 'its id'] as const
const ID = '5e2b1c808711f904f5df4bb0'

export function addUpdateCommands(program: Command): void {
  const noun = program.command('update').description('devices moving to a release')
  addList(noun, {
    path: '/updates',
    meaning: 'updates, newest first',
    columns: [
      'device',
      { title: 'version', cell: (row) => at(row, 'release.version') },
      'state',
      'progress',
      'via',
      'attempt',
      'reason',
      'changedAt',
      'id',
    ],
    filters: [
      { flag: 'device', query: 'device', meaning: 'of this device', value: 'key' },
      { flag: 'release', query: 'release', meaning: 'to this release', value: 'id' },
      { flag: 'state', query: 'state', meaning: 'in this state', value: 'state' },
      { flag: 'open', query: 'open', meaning: 'only those under way', constant: 'true' },
    ],
    examples: ['godwit update list --open', 'godwit update list --device truck-17'],
  })
  addShow(noun, { path: one, meaning: 'one update', argument: ARGUMENT, facts, examples: [`godwit update show ${ID}`] })
  addAct(noun, {
    name: 'cancel',
    method: 'POST',
    path: (call) => one(call, '/cancel'),
    meaning: 'end an open update; a device that is at work is asked to end it',
    argument: ARGUMENT,
    done: 'is cancelled',
    facts,
    examples: [`godwit update cancel ${ID}`],
  })
}

function facts(row: JsonObject): JsonObject {
  const steps = objectsAt(row, 'steps').map(
    (step) => `${textAt(step, 'module')} ${textAt(step, 'from') || '?'} -> ${textAt(step, 'to')}`,
  )
  return { ...row, release: textAt(row, 'release.version'), steps }
}
