import type { Command } from 'commander'
import { segment } from '../client/api-client.ts'
import { type JsonObject, textAt } from '../client/json.ts'
import { usage } from '../exit.ts'
import { withExamples } from '../options/examples.ts'
import { type Call, online } from '../options/online.ts'
import { gather } from '../options/options.ts'
import { print, printJson } from '../output/print.ts'
import { healthOf, withHealth } from './rollout-create.ts'
import { stateWords } from './rollout-lines.ts'
import { printPlan } from './rollout-plan.ts'
import { stagesOf, withStages } from './rollout-stages.ts'

interface Step {
  readonly name: string
  readonly meaning: string
  readonly options?: (command: Command) => void
  readonly body?: (call: Call) => Promise<object> | object
  readonly examples: readonly string[]
}

const STEPS: readonly Step[] = [
  { name: 'start', meaning: 'start a draft', examples: ['godwit rollout start spring'] },
  {
    name: 'pause',
    meaning: 'grant nothing more for now; what is under way goes on',
    examples: ['godwit rollout pause spring'],
  },
  {
    name: 'resume',
    meaning: 'go on after a pause or a stop, or take an excluded cohort in again',
    options: (command) =>
      command.option('--cohort <name=value>', 'an excluded cohort to take in again; may be repeated', gather),
    body: ({ options }) => {
      const cohorts = options.list('cohort')
      return cohorts.length > 0 ? { cohorts } : {}
    },
    examples: ['godwit rollout resume spring', 'godwit rollout resume spring --cohort hardwareRevision=C'],
  },
  {
    name: 'stop',
    meaning: 'stop it: what has not begun is taken back',
    options: (command) =>
      command
        .option('--cancel', 'cancel updates that are under way too')
        .option('--reason <text>', 'why, for those who look at it later'),
    body: ({ options }) => ({
      ...(options.flag('cancel') && { cancel: true }),
      ...(options.text('reason') !== undefined && { reason: options.text('reason') }),
    }),
    examples: ['godwit rollout stop spring --cancel --reason "displays stay dark"'],
  },
  {
    name: 'finish',
    meaning: 'close it: nothing is granted to devices that come later',
    examples: ['godwit rollout finish spring'],
  },
  {
    name: 'approve',
    meaning: 'approve of the stage that waits; with two people needed, each of them does',
    options: (command) =>
      command.option('--unverifiable', 'of going on with devices that cannot be verified, in place of the stage'),
    body: ({ options }) => (options.flag('unverifiable') ? { unverifiable: true } : {}),
    examples: ['godwit rollout approve spring', 'godwit rollout approve spring --unverifiable'],
  },
  {
    name: 'advance',
    meaning: 'go to the next stage by hand, whatever the present one waits for',
    examples: ['godwit rollout advance spring'],
  },
]

const path = (call: Call, step: string) => `/rollouts/${segment(call.args[0] ?? '')}/${step}`
const ARGUMENT = ['<rollout>', 'key or id'] as const

/** The verbs that steer a rollout; each says where it stands then. */
export function addRolloutSteps(noun: Command): void {
  for (const { name, meaning, options, body, examples } of STEPS) {
    const command = noun
      .command(name)
      .description(meaning)
      .argument(...ARGUMENT)
    options?.(command)
    online(command, async (call) =>
      printState(call, await call.api.send('POST', path(call, name), { body: await body?.(call) })),
    )
    withExamples(command, ...examples)
  }
  addUndo(noun)
  addRetry(noun)
  addExclude(noun)
}

/** `spring: Running, stage 1 of 3: …`, and what it waits for. */
function printState({ json }: Call, rollout: JsonObject): void {
  if (json) printJson(rollout)
  else print(`${textAt(rollout, 'key')}: ${stateWords(rollout)}`)
}

function addUndo(noun: Command): void {
  const command = noun
    .command('undo')
    .description('stop it and return the devices that it updated to what each of them ran before')
    .argument(...ARGUMENT)
    .option('--key <key>', 'of the rollout that does so (default: its key with -undo)')
    .option('--allow-downgrade', 'without it only devices that ran a newer version go back')
  withStages(command)
  withHealth(command)
  command
    .option('--draft', 'stop nothing and start nothing yet')
    .option('--dry-run', 'do nothing: say what it would do to the fleet')
  online(command, async (call) => {
    const { options } = call
    const health = healthOf(options) ?? {}
    const stages = await stagesOf(options)
    const body = {
      ...(options.text('key') !== undefined && { key: options.text('key') }),
      ...(options.flag('allowDowngrade') && { allowDowngrade: true }),
      ...(stages && { stages }),
      ...(Object.keys(health).length > 0 && { health }),
      ...(options.flag('draft') && { draft: true }),
    }
    if (options.flag('dryRun')) printPlan(call, await call.api.send('POST', path(call, 'undo-plan'), { body }))
    else printState(call, await call.api.create(path(call, 'undo'), { body }))
  })
  withExamples(
    command,
    'godwit rollout undo spring --allow-downgrade --stage 5% --stage 100%',
    'godwit rollout undo spring --allow-downgrade --dry-run',
  )
}

function addRetry(noun: Command): void {
  const command = noun
    .command('retry')
    .description('let devices be tried again: the named ones, else all that failed')
    .argument(...ARGUMENT)
    .option('--device <key>', 'this one, also after it succeeded, was cancelled or taken out; may be repeated', gather)
  online(command, async (call) => {
    const devices = call.options.list('device')
    const body = devices.length > 0 ? { devices } : {}
    const answer = await call.api.send('POST', path(call, 'retry'), { body })
    if (call.json) return printJson(answer)
    print(`${textAt(answer, 'devices')} to be tried again`)
  })
  withExamples(command, 'godwit rollout retry spring', 'godwit rollout retry spring --device truck-17')
}

function addExclude(noun: Command): void {
  const command = noun
    .command('exclude')
    .description('take devices out: nothing more is granted to them, and an open update is cancelled')
    .argument(...ARGUMENT)
    .option('--device <key>', 'key or id; may be repeated', gather)
    .option('--reason <text>', 'why, for those who look at it later')
  online(command, async (call) => {
    const devices = call.options.list('device')
    if (devices.length === 0) throw usage('--device is needed')
    const body = { devices, reason: call.options.text('reason') ?? '' }
    const answer = await call.api.send('POST', path(call, 'exclude'), { body })
    if (call.json) printJson(answer)
    else print(`${devices.join(', ')}: taken out of ${call.args[0] ?? ''}`)
  })
  withExamples(command, 'godwit rollout exclude spring --device truck-17 --reason "in the workshop"')
}
