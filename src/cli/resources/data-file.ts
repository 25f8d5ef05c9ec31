import type { Command } from 'commander'
import { segment } from '../client/api-client.ts'
import { at } from '../client/json.ts'
import type { Call } from '../options/online.ts'
import { formatSize } from '../output/format-value.ts'
import { addDownload } from './firmware.ts'
import { addAct, addList, addShow } from './verbs.ts'

const one = (call: Call, rest = '') => `/data-files/${segment(call.args[0] ?? '')}${rest}`
const ARGUMENT = ['<data-file>', 'its id'] as const
const ID = '5e2b1c808711f904f5df4bb2'

export function addDataFileCommands(program: Command): void {
  const noun = program.command('data-file').description('files that devices sent')
  addList(noun, {
    path: '/data-files',
    meaning: 'files that devices sent, newest first',
    columns: [
      'device',
      'module',
      'type',
      { title: 'size', cell: (row) => formatSize(Number(at(row, 'size') ?? 0)) },
      'uploadedAt',
      'id',
    ],
    filters: [
      { flag: 'device', query: 'device', meaning: 'of this device', value: 'key' },
      { flag: 'type', query: 'type', meaning: 'of this type', value: 'type' },
    ],
    examples: ['godwit data-file list --device truck-17'],
  })
  addShow(noun, { path: one, meaning: 'one data file', argument: ARGUMENT, examples: [`godwit data-file show ${ID}`] })
  addDownload(noun, {
    name: 'download',
    path: (call) => one(call, '/content'),
    argument: ARGUMENT,
    meaning: 'fetch the content',
  })
  addAct(noun, {
    name: 'delete',
    method: 'DELETE',
    path: one,
    meaning: 'delete a data file',
    argument: ARGUMENT,
    done: 'is deleted',
    examples: [`godwit data-file delete ${ID}`],
  })
}
