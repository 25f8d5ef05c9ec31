import type { Command } from 'commander'
import { segment } from '../client/api-client.ts'
import { at, type JsonObject, textAt } from '../client/json.ts'
import { usage } from '../exit.ts'
import { withExamples } from '../options/examples.ts'
import { type Call, online } from '../options/online.ts'
import { note, print, printJson } from '../output/print.ts'
import { contents } from './release.ts'
import { addAct, addList, addShow } from './verbs.ts'

const one = (call: Call) => `/assignments/${segment(call.args[0] ?? '')}`
const ARGUMENT = ['<assignment>', 'its id'] as const
const ID = '5e2b1c808711f904f5df4baf'

export function addAssignmentCommands(program: Command): void {
  const noun = program.command('assignment').description('a release pinned to a device or group')
  addList(noun, {
    path: '/assignments',
    meaning: 'what is pinned to devices and groups',
    columns: [
      'device',
      'group',
      { title: 'version', cell: (row) => at(row, 'release.version') },
      { title: 'firmware', cell: (row) => contents(at(row, 'release')) },
      'assignedAt',
      'id',
    ],
    filters: [
      { flag: 'device', query: 'device', meaning: 'of this device', value: 'key' },
      { flag: 'release', query: 'release', meaning: 'of this release', value: 'id' },
      {
        flag: 'target',
        query: 'target',
        meaning: 'only of devices or of groups',
        value: 'kind',
        choices: ['device', 'group'],
      },
    ],
    examples: ['godwit assignment list --target group'],
  })
  addShow(noun, {
    path: one,
    meaning: 'one assignment',
    argument: ARGUMENT,
    facts,
    examples: [`godwit assignment show ${ID}`],
  })
  addAssign(noun)
  addAct(noun, {
    name: 'delete',
    method: 'DELETE',
    path: one,
    meaning: 'take an assignment away; an update under way ends as it will',
    argument: ARGUMENT,
    done: 'is taken away',
    examples: [`godwit assignment delete ${ID}`],
  })
}

function addAssign(noun: Command): void {
  const command = noun
    .command('create')
    .description('pin a firmware or release to a device or group, replacing what was pinned')
    .option('--device <key>', 'key or id of the device')
    .option('--group <key>', 'key or id of the group')
    .option('--product <key>', 'with --version or the version of a --release; else the device\u2019s own')
    .option('--module <key>', 'with --version; the primary module unless given')
    .option('--version <version>', 'version of a single firmware')
    .option('--release <release>', 'id of a release, or with --product its version')
    .option('--firmware <id>', 'id of a single firmware')
    .option('--dry-run', 'tell what would change, and change nothing')
  online(command, assign)
  withExamples(
    command,
    'godwit assignment create --device truck-17 --product panel --module display-app --version 1.2.3',
    'godwit assignment create --group pilot --product panel --release 2026.11',
  )
}

async function assign(call: Call): Promise<void> {
  const { api, options, json } = call
  const device = options.text('device')
  const group = options.text('group')
  if ((device === undefined) === (group === undefined)) throw usage('give either --device or --group')
  const what = Object.fromEntries(
    ['product', 'module', 'version', 'release', 'firmware'].map((name) => [name, options.text(name)]),
  )
  const forms = [what['version'], what['release'], what['firmware']].filter((form) => form !== undefined)
  if (forms.length !== 1) throw usage('give exactly one of --version, --release and --firmware')
  if (what['version'] !== undefined && what['product'] === undefined && device !== undefined)
    what['product'] = textAt(await api.get(`/devices/${segment(device)}`), 'product.key') || undefined
  const query = { dryRun: options.flag('dryRun') || undefined }
  const answer = await api.create('/assignments', { body: { device, group, ...what }, query })
  if (json) return printJson(answer)
  for (const warning of warningsOf(answer)) note(`warning: ${warning}`)
  const instead = textAt(answer, 'outcome') === 'replaced' ? ` (was ${textAt(answer, 'before.version')})` : ''
  const would = options.flag('dryRun') ? 'would be ' : ''
  print(`${device ?? group}: ${would}${textAt(answer, 'outcome')}, ${textAt(answer, 'release.version')}${instead}`)
}

function warningsOf(answer: JsonObject): string[] {
  const warnings = answer['warnings']
  return Array.isArray(warnings) ? warnings.map(String) : []
}

function facts(row: JsonObject): JsonObject {
  return { ...row, release: textAt(row, 'release.version'), firmware: contents(row['release']) }
}
