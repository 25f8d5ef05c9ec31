import type { Command } from 'commander'
import { segment } from '../client/api-client.ts'
import { at, textAt } from '../client/json.ts'
import { addEventWatch } from './event-watch.ts'
import { addList, addShow } from './verbs.ts'

const COLUMNS = [
  'at',
  'type',
  { title: 'actor', cell: (row: unknown) => textAt(row, 'actor.name') || textAt(row, 'actor.kind') },
  {
    title: 'subject',
    cell: (row: unknown) => `${textAt(row, 'subject.kind')} ${textAt(row, 'subject.id')}`.trim(),
  },
  { title: 'details', cell: (row: unknown) => at(row, 'details') },
]

const FILTERS = [
  { flag: 'type', query: 'type', meaning: 'for example device.created; device.* = all of devices', value: 'type' },
  { flag: 'subject-kind', query: 'subjectKind', meaning: 'for example device', value: 'kind' },
  { flag: 'subject-id', query: 'subjectId', meaning: 'id of the subject', value: 'id' },
  { flag: 'actor-kind', query: 'actorKind', meaning: 'account, access-key, device or system', value: 'kind' },
  { flag: 'actor-id', query: 'actorId', meaning: 'id of who did it', value: 'id' },
  { flag: 'from', query: 'from', meaning: 'not before, for example 2026-11-01T00:00:00Z', value: 'time' },
  { flag: 'until', query: 'until', meaning: 'before', value: 'time' },
]

export function addEventCommands(program: Command): void {
  const noun = program.command('event').description('what happened, and who did it')
  addList(noun, {
    path: (call) => (call.options.flag('ofServer') ? '/server/events' : '/events'),
    meaning: 'events, newest first',
    columns: COLUMNS,
    filters: FILTERS,
    extra: (command) => {
      command.option('--of-server', 'events of the server itself; for administrators')
    },
    examples: [
      'godwit event list --limit 20',
      'godwit event list --type device.created --all --json',
      'godwit event list --actor-kind account --from 2026-11-01T00:00:00Z',
    ],
  })
  addShow(noun, {
    path: (call) => `/events/${segment(call.args[0] ?? '')}`,
    meaning: 'one event',
    argument: ['<event>', 'its id'],
    examples: ['godwit event show 5e2b1c808711f904f5df4bd3'],
  })
  addEventWatch(noun)
}
