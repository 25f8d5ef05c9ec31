import type { Command } from 'commander'
import { segment } from '../client/api-client.ts'
import { at, type JsonObject, objectsAt, textAt } from '../client/json.ts'
import { withExamples } from '../options/examples.ts'
import { type Call, online } from '../options/online.ts'
import { formatSize } from '../output/format-value.ts'
import { printJson, printLines } from '../output/print.ts'
import { factLines, tableLines } from '../output/table.ts'
import { reachWords } from './rollout-lines.ts'

/** Values of one kind that are listed. */
const SHOWN = 10

/** `rollout plan KEY`. */
export function addRolloutPlan(noun: Command): void {
  const command = noun
    .command('plan')
    .description('what a rollout would do to the fleet as it is now, or would still do if it runs; changes nothing')
    .argument('<rollout>', 'key or id')
  online(command, async (call) => {
    printPlan(call, await call.api.get(`/rollouts/${segment(call.args[0] ?? '')}/plan`))
  })
  withExamples(
    command,
    'godwit rollout plan spring',
    'godwit rollout create spring --product panel --version 1.3.0 --stage 5% --stage 100% --dry-run',
    'godwit rollout undo spring --allow-downgrade --dry-run',
  )
}

/** A plan: JSON as it came, or a page that people read. */
export function printPlan({ json }: Pick<Call, 'json'>, plan: JsonObject): void {
  if (json) printJson(plan)
  else printLines(pageOf(plan))
}

function pageOf(plan: JsonObject): string[] {
  const warnings = objectsAt(plan, 'warnings').map((one) => `! ${textAt(one, 'words')}`)
  const estimate = at(plan, 'estimate.words')
  const words = Array.isArray(estimate) ? estimate.map(String) : []
  return [
    ...factLines(factsOf(plan)),
    ...section(warnings),
    ...section(outcomeLines(plan)),
    ...section(stageLines(plan)),
    ...section(words),
  ]
}

function section(lines: readonly string[]): string[] {
  return lines.length > 0 ? ['', ...lines] : []
}

function factsOf(plan: JsonObject): JsonObject {
  const floors = valuesOf(objectsAt(plan, 'floors'))
  return {
    rollout: at(plan, 'rollout.key'),
    [at(plan, 'rollout.kind') === 'undo' ? 'takes back' : 'version']: at(plan, 'rollout.version'),
    devices: `${whole(plan['willUpdate'])} of ${whole(plan['devices'])} of the product`,
    ...(plan['isComplete'] === false && { examined: `only ${whole(plan['examined'])} of ${whole(plan['selected'])}` }),
    'they run': valuesOf(objectsAt(plan, 'fromVersions')) || '-',
    ...(floors !== '' && { 'on the way': floors }),
    ...cohortFacts(plan),
    transfer: formatSize(Number(plan['bytes'])),
    id: at(plan, 'rollout.id'),
  }
}

function cohortFacts(plan: JsonObject): JsonObject {
  const families = objectsAt(plan, 'cohorts').filter((one) => textAt(one, 'family') !== 'from-version')
  return Object.fromEntries(
    families.flatMap((one) => {
      const values = valuesOf(objectsAt(one, 'values'))
      return values === '' ? [] : [[textAt(one, 'family'), values]]
    }),
  )
}

/** `1.0.0 (12), 1.1.0 (3)`. */
function valuesOf(values: readonly JsonObject[]): string {
  const shown = values.slice(0, SHOWN).map((one) => `${textAt(one, 'value') || 'not known'} (${whole(one['devices'])})`)
  return [...shown, ...(values.length > SHOWN ? [`${values.length - SHOWN} more`] : [])].join(', ')
}

function outcomeLines(plan: JsonObject): string[] {
  return tableLines(
    [
      { title: 'devices', cell: (row) => whole(at(row, 'devices')) },
      { title: 'what', cell: (row) => at(row, 'words') },
      { title: 'for example', cell: (row) => exampleOf(row) },
    ],
    objectsAt(plan, 'outcomes'),
  )
}

function exampleOf(row: unknown): string {
  const [first] = objectsAt(row, 'examples')
  return first ? `${textAt(first, 'device')}: ${textAt(first, 'words')}` : ''
}

function stageLines(plan: JsonObject): string[] {
  const stages = objectsAt(plan, 'stages')
  if (stages.length < 2) return []
  return tableLines(
    ['stage', { title: 'for', cell: reachWords }, { title: 'devices', cell: (row) => whole(at(row, 'devices')) }],
    stages,
  )
}

function whole(value: unknown): string {
  return typeof value === 'number' ? value.toLocaleString('en-US') : '-'
}
