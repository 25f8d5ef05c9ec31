import { at, type JsonObject, objectsAt, textAt } from '../client/json.ts'
import type { Call } from '../options/online.ts'
import { formatValue } from '../output/format-value.ts'
import { printJson, printLines } from '../output/print.ts'
import { factLines, tableLines } from '../output/table.ts'

/** What became of devices, in the order in which people ask. */
const OUTCOMES = [
  ['succeeded', 'succeeded'],
  ['failed', 'failed'],
  ['rolled-back', 'rolled back'],
  ['delivered', 'delivered'],
  ['cancelled', 'cancelled'],
  ['superseded', 'superseded'],
  ['open', 'under way'],
] as const

/** `9 succeeded, 1 failed`; `-` for none. */
export function outcomeWords(outcomes: unknown): string {
  const counts = OUTCOMES.flatMap(([name, words]) => {
    const count = at(outcomes, name)
    return typeof count === 'number' && count > 0 ? [`${count} ${words}`] : []
  })
  return counts.join(', ') || '-'
}

/** `2 of 3`. */
export function stageWords(row: unknown): string {
  return `${textAt(row, 'stage')} of ${objectsAt(row, 'stages').length}`
}

/** `5 %`, `10 devices`, `pilot, lab`. */
export function reachWords(stage: unknown): string {
  const percent = textAt(stage, 'percent')
  if (percent !== '') return `${percent} %`
  const count = textAt(stage, 'count')
  if (count !== '') return `the first ${count}`
  const groups = at(stage, 'groups')
  return `group ${Array.isArray(groups) ? groups.join(', ') : ''}`
}

/** What it does, and what it waits for, in one line. The words of the first tell of an approval already. */
export function stateWords(rollout: JsonObject): string {
  const waits = objectsAt(rollout, 'progress.waits').filter((wait) => textAt(wait, 'kind') !== 'approval')
  return [textAt(rollout, 'progress.words'), ...waits.map((wait) => textAt(wait, 'words'))].join(' ')
}

/** A rollout with its progress: JSON as it came, or a page that people read. */
export function printRollout(call: Pick<Call, 'json'>, rollout: JsonObject): void {
  if (call.json) printJson(rollout)
  else printLines(pageOf(rollout))
}

function pageOf(rollout: JsonObject): string[] {
  const cohorts = objectsAt(rollout, 'progress.cohorts').map((cohort) => textAt(cohort, 'words'))
  return [...factLines(factsOf(rollout)), '', ...stageLines(rollout), ...(cohorts.length > 0 ? ['', ...cohorts] : [])]
}

function factsOf(rollout: JsonObject): JsonObject {
  const waits = objectsAt(rollout, 'progress.waits').map((wait) => textAt(wait, 'words'))
  return {
    key: rollout['key'],
    name: rollout['name'],
    ...(rollout['kind'] !== 'update' && { kind: rollout['kind'] }),
    ...(rollout['undoes'] !== null && { undoes: rollout['undoes'] }),
    product: rollout['product'],
    release: at(rollout, 'release.version'),
    state: rollout['state'],
    progress: at(rollout, 'progress.words'),
    ...(waits.length > 0 && { waits: waits.join(' ') }),
    health: at(rollout, 'progress.gate.words'),
    selects: selectionWords(rollout),
    priority: rollout['priority'],
    'started at': rollout['startedAt'],
    id: rollout['id'],
  }
}

function selectionWords(rollout: JsonObject): string {
  const filter = textAt(rollout, 'select.filter') || 'all of the product'
  const reporting = at(rollout, 'select.reportingOnly') === true ? ', reporting ones only' : ''
  const snapshot = rollout['membership'] === 'snapshot' ? `; snapshot of ${textAt(rollout, 'snapshot.devices')}` : ''
  return `${filter}${reporting}${snapshot}`
}

function stageLines(rollout: JsonObject): string[] {
  const progress = objectsAt(rollout, 'progress.stages')
  const rows = objectsAt(rollout, 'stages').map((stage, index) => ({ stage, so: progress[index] }))
  return tableLines(
    [
      { title: 'stage', cell: (row) => at(row, 'so.stage') },
      { title: 'for', cell: (row) => reachWords(at(row, 'stage')) },
      { title: 'state', cell: (row) => at(row, 'so.state') },
      { title: 'devices', cell: (row) => at(row, 'so.devices') },
      { title: 'so far', cell: (row) => outcomeWords(at(row, 'so.outcomes')) },
      { title: 'limits', cell: (row) => limitWords(at(row, 'stage')) },
      { title: 'approved by', cell: (row) => objectsAt(row, 'so.approvals').map((one) => textAt(one, 'name')) },
    ],
    rows,
  )
}

/** What a stage asks for beyond the defaults: `soak 1h, threshold 99 %, 50 at once`. */
function limitWords(stage: unknown): string {
  const number = (name: string) => Number(at(stage, name) ?? 0)
  const parts = [
    number('soakSeconds') > 0 && `soak ${number('soakSeconds')} s`,
    number('successThreshold') !== 95 && `threshold ${number('successThreshold')} %`,
    number('minMatured') > 1 && `matured ${number('minMatured')}`,
    number('approvals') > 0 && `approvals ${number('approvals')}`,
    number('concurrency') > 0 && `${number('concurrency')} at once`,
    number('ratePerMinute') > 0 && `${number('ratePerMinute')} a minute`,
    at(stage, 'window') !== null && `window ${windowWords(at(stage, 'window'))}`,
    number('spreadSeconds') > 0 && `spread ${number('spreadSeconds')} s`,
  ]
  return parts.filter((part) => part !== false).join(', ')
}

function windowWords(window: unknown): string {
  if (textAt(window, 'kind') === 'daily') {
    const days = at(window, 'days')
    const on = Array.isArray(days) ? ` on ${days.join('+')}` : ''
    return `${textAt(window, 'from')}-${textAt(window, 'to')}${on} (${textAt(window, 'zone')})`
  }
  const daily = at(window, 'repeatDaily') === true ? ', daily' : ''
  return `${formatValue(at(window, 'startAt'))} to ${formatValue(at(window, 'endAt'))}${daily}`
}
