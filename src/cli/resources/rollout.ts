import type { Command } from 'commander'
import { segment } from '../client/api-client.ts'
import { at } from '../client/json.ts'
import { usage } from '../exit.ts'
import { withExamples } from '../options/examples.ts'
import { type Call, online } from '../options/online.ts'
import { addRolloutCreate, priorityOf } from './rollout-create.ts'
import { outcomeWords, printRollout, stageWords } from './rollout-lines.ts'
import { addRolloutPlan } from './rollout-plan.ts'
import { stagesOf, withStages } from './rollout-stages.ts'
import { addRolloutSteps } from './rollout-steps.ts'
import { addRolloutWatch } from './rollout-watch.ts'
import { addAct, addList } from './verbs.ts'

const one = (call: Call, rest = '') => `/rollouts/${segment(call.args[0] ?? '')}${rest}`
const ARGUMENT = ['<rollout>', 'key or id'] as const
const STATES = ['draft', 'running', 'paused', 'stopped', 'finished']
const MEMBER_STATES = ['waiting', 'open', 'succeeded', 'failed', 'rolled-back', 'cancelled', 'superseded', 'delivered']

export function addRolloutCommands(program: Command): void {
  const noun = program.command('rollout').description('one release for many devices, stage by stage')
  addList(noun, {
    path: '/rollouts',
    meaning: 'rollouts, newest first',
    columns: [
      'key',
      'kind',
      'product',
      { title: 'version', cell: (row) => at(row, 'release.version') },
      'state',
      { title: 'stage', cell: stageWords },
      { title: 'so far', cell: (row) => outcomeWords(at(row, 'outcomes')) },
      'priority',
      'startedAt',
      'id',
    ],
    filters: [
      { flag: 'product', query: 'product', meaning: 'key or id of the product', value: 'key' },
      { flag: 'release', query: 'release', meaning: 'of this release', value: 'id' },
      { flag: 'state', query: 'state', meaning: 'in this state', value: 'state', choices: STATES },
      {
        flag: 'kind',
        query: 'kind',
        meaning: 'of this kind',
        value: 'kind',
        choices: ['update', 'verification', 'undo'],
      },
      { flag: 'search', query: 'search', meaning: 'part of key or name', value: 'text' },
    ],
    examples: ['godwit rollout list', 'godwit rollout list --state running --product panel'],
  })
  addShowRollout(noun)
  addRolloutCreate(noun)
  addRolloutPlan(noun)
  addChangeRollout(noun)
  addRolloutSteps(noun)
  addMembers(noun)
  addRolloutWatch(noun)
  addAct(noun, {
    name: 'delete',
    method: 'DELETE',
    path: one,
    meaning: 'delete a rollout that does not run; its updates stay',
    argument: ARGUMENT,
    done: 'is deleted',
    examples: ['godwit rollout delete spring'],
  })
}

function addShowRollout(noun: Command): void {
  const command = noun
    .command('show')
    .description('one rollout: how far it is, what it waits for, and what its health gate says')
    .argument(...ARGUMENT)
  online(command, async (call) => printRollout(call, await call.api.get(one(call))))
  withExamples(command, 'godwit rollout show spring')
}

function addChangeRollout(noun: Command): void {
  const command = noun
    .command('change')
    .description('change name, priority or stages; those that have begun must be given as they are')
    .argument(...ARGUMENT)
    .option('--name <text>', 'display name')
    .option('--priority <n>', '-1000 to 1000; higher ones first, then older ones')
  withStages(command)
  command.option('--if-revision <n>', 'only if it still has this revision')
  online(command, async (call) => {
    const { options } = call
    const [name, priority, stages] = [options.text('name'), priorityOf(options), await stagesOf(options)]
    const body = {
      ...(name !== undefined && { name }),
      ...(priority !== undefined && { priority }),
      ...(stages && { stages }),
    }
    if (Object.keys(body).length === 0) throw usage('nothing to change: give at least one option')
    const ifRevision = options.number('ifRevision', '--if-revision')
    printRollout(call, await call.api.send('PATCH', one(call), { body, ifRevision }))
  })
  withExamples(
    command,
    'godwit rollout change spring --priority 10',
    'godwit rollout change spring --stage 5% --stage 50%,soak=1d --stage 100%',
  )
}

function addMembers(noun: Command): void {
  addList(noun, {
    name: 'members',
    path: (call) => one(call, '/members'),
    meaning: 'devices that were granted something, are in its snapshot, or were taken out',
    argument: ARGUMENT,
    columns: [
      'device',
      'state',
      'stage',
      'attempts',
      { title: 'reason', cell: (row) => at(row, 'excluded.reason') ?? at(row, 'update.reason') },
      'grantedAt',
      'changedAt',
    ],
    filters: [
      { flag: 'state', query: 'state', meaning: 'in this state', value: 'state', choices: MEMBER_STATES },
      { flag: 'stage', query: 'stage', meaning: 'granted in this stage', value: 'n' },
      { flag: 'excluded', query: 'excluded', meaning: 'only those that were taken out', constant: 'true' },
    ],
    examples: ['godwit rollout members spring --state failed', 'godwit rollout members spring --all --json'],
  })
}
