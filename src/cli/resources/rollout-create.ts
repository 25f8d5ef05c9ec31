import type { Command } from 'commander'
import { usage } from '../exit.ts'
import { readSeconds } from '../options/duration.ts'
import { withExamples } from '../options/examples.ts'
import { type Call, online } from '../options/online.ts'
import { gather, labelsOf, type Options } from '../options/options.ts'
import { printRollout } from './rollout-lines.ts'
import { printPlan } from './rollout-plan.ts'
import { stagesOf, withStages } from './rollout-stages.ts'

/** `rollout create KEY`. */
export function addRolloutCreate(noun: Command): void {
  const command = noun
    .command('create')
    .description('make a rollout: a draft, or with --start one that runs')
    .argument('<key>', 'its key')
  withWhat(command)
  withSelection(command)
  withStages(command)
  withHealth(command)
  command
    .option('--name <text>', 'display name')
    .option('--verification', 'try firmware on a few devices before other rollouts may use it')
    .option('--allow-downgrade', 'devices may go to an older version, or to one that cannot be compared')
    .option('--time-zone <zone>', 'IANA name, of windows that name none (default: UTC)')
    .option('--attempts <n>', 'tries for each device (default: 3)')
    .option('--retry-pause <time>', 'before the second try (default: 1m)')
    .option('--ignore-penalty', 'also for devices whose last updates failed')
    .option('--priority <n>', '-1000 to 1000; higher ones first, then older ones (default: 0)')
    .option('--snapshot', 'only for devices that are selected now')
    .option('--id <id>', 'a fixed id, 24 hex digits')
    .option('--start', 'start it at once')
    .option('--dry-run', 'make nothing: say what it would do to the fleet')
  online(command, async (call) => {
    const body = await rolloutBody(call)
    if (call.options.flag('dryRun')) printPlan(call, await call.api.send('POST', '/rollouts/plan', { body }))
    else printRollout(call, await call.api.create('/rollouts', { body }))
  })
  withExamples(
    command,
    'godwit rollout create spring --product panel --version 1.3.0 --stage 5% --stage 25%,soak=1h --stage 100% --start',
    'godwit rollout create spring --product panel --version 1.3.0 --stage 5% --stage 100% --dry-run',
    `godwit rollout create spring --product panel --version 1.3.0 --filter 'attribute.board = "rev2"' --tag site=graz`,
    'godwit rollout create spring --product panel --release 2026.11 --stage group:pilot --stage 100%,window=02:00-05:00@device',
  )
}

function withWhat(command: Command): void {
  command
    .option('--product <key>', 'with --version, or the version of a --release')
    .option('--module <key>', 'with --version; the primary module unless given')
    .option('--version <version>', 'version of a single firmware')
    .option('--release <release>', 'id of a release, or with --product its version')
    .option('--firmware <id>', 'id of a single firmware')
}

function withSelection(command: Command): void {
  command
    .option('--filter <filter>', 'a filter: tag.site = "graz" and not group exists')
    .option('--tag <name=value>', 'devices with this tag; may be repeated, the same name with other values too', gather)
    .option('--attribute <name=value>', 'devices with this attribute; may be repeated as --tag may', gather)
    .option('--group <key>', 'devices of this group; may be repeated', gather)
    .option('--device <key>', 'this device; may be repeated', gather)
    .option('--from-version <version>', 'devices that run this version; may be repeated', gather)
    .option('--reporting-only', 'leave out devices that never reported a version')
}

/** The health gate, as far as options go; the API and the fleet file take all of it. */
export function withHealth(command: Command): void {
  command
    .option('--health-off', 'no health gate: nothing stops it by itself')
    .option('--acceptable-failures <rate>', 'share of failures up to which a release counts as good (default: 0.02)')
    .option('--confirm-within <time>', 'a device that has not confirmed by then has failed (default: 1h)')
}

/** What the options say of a new rollout, as the API takes it. */
export async function rolloutBody({ args, options }: Pick<Call, 'args' | 'options'>): Promise<Record<string, unknown>> {
  const what = Object.fromEntries(
    ['product', 'module', 'version', 'release', 'firmware'].map((name) => [name, options.text(name)]),
  )
  const forms = [what['version'], what['release'], what['firmware']].filter((form) => form !== undefined)
  if (forms.length !== 1) throw usage('give exactly one of --version, --release and --firmware')
  return without({
    key: args[0],
    ...what,
    name: options.text('name'),
    id: options.text('id'),
    kind: options.flag('verification') ? 'verification' : undefined,
    select: selectionOf(options),
    stages: await stagesOf(options),
    health: healthOf(options),
    options: without({
      timeZone: options.text('timeZone'),
      allowDowngrade: options.flag('allowDowngrade') || undefined,
      ignorePenalty: options.flag('ignorePenalty') || undefined,
      retry: without({
        attempts: options.number('attempts', '--attempts'),
        pauseSeconds: secondsIn(options, 'retryPause'),
      }),
    }),
    priority: priorityOf(options),
    membership: options.flag('snapshot') ? 'snapshot' : undefined,
    start: options.flag('start') || undefined,
  })
}

/** Whole, also below 0. */
export function priorityOf(options: Options): number | undefined {
  const text = options.text('priority')
  if (text === undefined) return undefined
  if (!/^-?\d{1,6}$/.test(text)) throw usage(`--priority: "${text}" is not a whole number`)
  return Number(text)
}

function selectionOf(options: Options): object | undefined {
  const some = (list: readonly string[]) => (list.length > 0 ? list : undefined)
  return without({
    filter: options.text('filter'),
    tags: valuesOf(options.list('tag'), '--tag'),
    attributes: valuesOf(options.list('attribute'), '--attribute'),
    groups: some(options.list('group')),
    devices: some(options.list('device')),
    fromVersions: some(options.list('fromVersion')),
    reportingOnly: options.flag('reportingOnly') || undefined,
  })
}

/** A name that is given several times may have any of its values. */
function valuesOf(pairs: readonly string[], flag: string): Record<string, string[]> | undefined {
  const values: Record<string, string[]> = {}
  for (const pair of pairs)
    for (const [name, value] of Object.entries(labelsOf([pair], flag))) values[name] = [...(values[name] ?? []), value]
  return pairs.length > 0 ? values : undefined
}

/** What the options say of the health gate; undefined when they say nothing. */
export function healthOf(options: Options): object | undefined {
  const rate = options.text('acceptableFailures')
  if (rate !== undefined && !/^0?\.\d+$/.test(rate))
    throw usage(`--acceptable-failures: "${rate}" is not a share such as 0.02`)
  return without({
    mode: options.flag('healthOff') ? 'off' : undefined,
    acceptableFailureRate: rate === undefined ? undefined : Number(rate),
    confirmSeconds: secondsIn(options, 'confirmWithin'),
  })
}

const FLAGS = { retryPause: '--retry-pause', confirmWithin: '--confirm-within' } as const

function secondsIn(options: Options, name: keyof typeof FLAGS): number | undefined {
  const text = options.text(name)
  return text === undefined ? undefined : readSeconds(text, FLAGS[name])
}

/** The members that are given; undefined when none is. */
function without(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => !isNothing(value)))
}

function isNothing(value: unknown): boolean {
  return value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0)
}
