import type { Command } from 'commander'
import { at, textAt } from '../client/json.ts'
import { addList } from './verbs.ts'

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
  { flag: 'type', query: 'type', meaning: 'for example device.created', value: 'type' },
  { flag: 'subject-kind', query: 'subjectKind', meaning: 'for example device', value: 'kind' },
  { flag: 'subject-id', query: 'subjectId', meaning: 'id of the subject', value: 'id' },
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
    examples: ['godwit event list --limit 20', 'godwit event list --type device.created --all --json'],
  })
}
