import type { Id } from '../common.ts'
import { invalid } from '../errors.ts'
import type { Filter, FilterField } from '../filter/filter.ts'
import { parseFilter } from '../filter/parse-filter.ts'
import type { ReleaseReference } from '../release/release-service.ts'
import type { HealthPolicyInput } from './health/health-policy.ts'
import type { OptionsInput } from './options-input.ts'
import type { RolloutKind, Selection } from './rollout.ts'
import type { StageInput } from './stage-input.ts'

type OneOrMore = string | readonly string[]

/** Which devices, in the words of an operator; what is given must all hold. */
export interface SelectInput {
  /** In the filter language. */
  readonly filter?: string
  readonly tags?: Readonly<Record<string, OneOrMore>>
  readonly attributes?: Readonly<Record<string, OneOrMore>>
  /** Keys. */
  readonly groups?: readonly string[]
  readonly devices?: readonly string[]
  /** What the primary module runs. */
  readonly fromVersions?: readonly string[]
  readonly reportingOnly?: boolean
}

/** What an operator says of a new rollout; whatever is left out has a default. */
export interface RolloutInput {
  /** The id unless given. */
  readonly key?: string
  readonly name?: string
  readonly id?: Id
  readonly kind?: Exclude<RolloutKind, 'undo'>
  /** Key or id; the release's own unless given. */
  readonly product?: string
  readonly release: ReleaseReference
  readonly select?: SelectInput
  /** As it is stored, in place of `select`: for programs that do not speak the filter language. */
  readonly selection?: Selection
  /** One stage with everybody unless given. */
  readonly stages?: readonly StageInput[]
  readonly health?: HealthPolicyInput
  readonly options?: OptionsInput
  /** -1000 to 1000, default 0. */
  readonly priority?: number
  readonly membership?: 'dynamic' | 'snapshot'
  readonly extra?: Readonly<Record<string, unknown>>
}

/** Values of one list in a selection. */
const MOST = 1_000

/** The selection as it is stored. Throws `invalid` naming the field. */
export function selectionFrom(select: SelectInput = {}): Selection {
  const of: Filter[] = []
  if (select.filter !== undefined) of.push(parseFilter(select.filter, 'select.filter'))
  for (const [name, values] of Object.entries(select.tags ?? {})) of.push(oneOf(`tag.${name}`, values, 'select.tags'))
  for (const [name, values] of Object.entries(select.attributes ?? {}))
    of.push(oneOf(`attribute.${name}`, values, 'select.attributes'))
  if (select.groups) of.push(oneOf('group', select.groups, 'select.groups'))
  if (select.devices) of.push(oneOf('key', select.devices, 'select.devices'))
  if (select.fromVersions) of.push(oneOf('version', select.fromVersions, 'select.fromVersions'))
  const [only] = of
  return {
    filter: of.length === 1 && only ? only : { kind: 'all', of },
    reportingOnly: select.reportingOnly ?? false,
  }
}

function oneOf(field: FilterField, given: OneOrMore, name: string): Filter {
  const values = typeof given === 'string' ? [given] : [...given]
  if (values.length === 0) throw invalid(name, 'must not be empty')
  if (values.length > MOST) throw invalid(name, `at most ${MOST} values`)
  return { kind: 'one-of', field, values }
}
