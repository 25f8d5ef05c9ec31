import type { LocalisedText } from '../../../core/firmware/firmware.ts'
import { invalidArgument } from '../errors.ts'
import { whole } from '../expression/pagination.ts'
import { isJsonObject, type JsonObject } from '../json.ts'
import { localisedName } from '../localised-name.ts'
import { type UpgradeScope, upgradeScope } from './upgrade-scope.ts'

export interface EnosRetryPolicy {
  readonly enableRetry: boolean
  /** Seconds. */
  readonly retryInterval: number
  readonly retryCount: number
}

export interface EnosSchedulePolicy {
  readonly isRepeatDaily: boolean
  readonly startTimestamp: number
  readonly endTimestamp: number
  readonly timezoneOffsetInMinutes: number
}

/** What a program says of a new job. */
export interface JobForm {
  readonly type: 'upgrade' | 'verify'
  readonly name: LocalisedText | null
  readonly scope: UpgradeScope
  /** null for verify. */
  readonly upgradePolicy: 'snapshot' | 'incremental' | null
  readonly enableUpgradeRequest: boolean
  /** Seconds. */
  readonly upgradeTimeout: number
  readonly retryPolicy: EnosRetryPolicy | null
  readonly schedulePolicy: EnosSchedulePolicy | null
  readonly maximumConcurrency: number
}

const TIMEOUT = { least: 300, most: 172_800, default: 7_200 }
const CONCURRENCY = { least: 1, most: 1_000_000, default: 300 }
const RETRIES = { least: 0, most: 99 }
const INTERVAL = { least: 0, most: 30 * 86_400 }
/** The largest instant that a date can be. */
const INSTANT = { least: 0, most: 8_640_000_000_000_000 }
const OFFSET = { least: -1_440, most: 1_440 }

const DAY_MS = 86_400_000
const SHORTEST_WINDOW_MS = 30 * 60_000

/** [enos 3.5] The body of `create`. Throws `EnosFailure`. What the type of job does not have is ignored. */
export function jobForm(body: JsonObject): JobForm {
  const type = oneOf(body, 'type', ['upgrade', 'verify'])
  const shared = {
    type,
    name: localisedName(body['name']) ?? null,
    scope: upgradeScope(body['upgradeScope']),
    upgradeTimeout: optionalNumber(body, 'upgradeTimeout', TIMEOUT) ?? TIMEOUT.default,
  }
  if (type === 'verify') {
    if (shared.scope.type !== 'partial') throw invalidArgument('upgradeScope.type', 'must be partial to verify')
    return {
      ...shared,
      upgradePolicy: null,
      enableUpgradeRequest: false,
      retryPolicy: null,
      schedulePolicy: null,
      maximumConcurrency: CONCURRENCY.default,
    }
  }
  return {
    ...shared,
    upgradePolicy: oneOf(body, 'upgradePolicy', ['snapshot', 'incremental']),
    enableUpgradeRequest: flag(body, 'enableUpgradeRequest'),
    retryPolicy: retryPolicy(body['retryPolicy']),
    schedulePolicy: schedulePolicy(body['schedulePolicy']),
    maximumConcurrency: optionalNumber(body, 'maximumConcurrency', CONCURRENCY) ?? CONCURRENCY.default,
  }
}

function retryPolicy(given: unknown): EnosRetryPolicy | null {
  const policy = optionalObject('retryPolicy', given)
  if (!policy) return null
  const enableRetry = flag(policy, 'enableRetry', 'retryPolicy.')
  const number = (name: string, range: Range) => optionalNumber(policy, name, range, 'retryPolicy.')
  const retryInterval = number('retryInterval', INTERVAL)
  const retryCount = number('retryCount', RETRIES)
  if (enableRetry && retryInterval === undefined) throw missing('retryPolicy.retryInterval')
  if (enableRetry && retryCount === undefined) throw missing('retryPolicy.retryCount')
  return { enableRetry, retryInterval: retryInterval ?? 0, retryCount: retryCount ?? 0 }
}

/** [enos 4] Windows have at least 30 minutes; of a daily one the date of the end means nothing. */
function schedulePolicy(given: unknown): EnosSchedulePolicy | null {
  const policy = optionalObject('schedulePolicy', given)
  if (!policy) return null
  const isRepeatDaily = flag(policy, 'isRepeatDaily', 'schedulePolicy.')
  const number = (name: string, range: Range) => optionalNumber(policy, name, range, 'schedulePolicy.')
  const startTimestamp = number('startTimestamp', INSTANT)
  const endTimestamp = number('endTimestamp', INSTANT)
  if (startTimestamp === undefined) throw missing('schedulePolicy.startTimestamp')
  if (endTimestamp === undefined) throw missing('schedulePolicy.endTimestamp')
  const length = endTimestamp - startTimestamp
  const open = isRepeatDaily ? ((length % DAY_MS) + DAY_MS) % DAY_MS || DAY_MS : length
  if (open < SHORTEST_WINDOW_MS) throw invalidArgument('schedulePolicy', 'must be open for at least 30 minutes')
  const timezoneOffsetInMinutes = number('timezoneOffsetInMinutes', OFFSET) ?? 0
  return { isRepeatDaily, startTimestamp, endTimestamp, timezoneOffsetInMinutes }
}

function missing(field: string) {
  return invalidArgument(field, `${field.split('.').at(-1)} is missing`)
}

function optionalObject(field: string, value: unknown): JsonObject | undefined {
  if (value === undefined || value === null) return undefined
  if (!isJsonObject(value)) throw invalidArgument(field, 'must be an object')
  return value
}

function oneOf<const T extends string>(body: JsonObject, field: string, values: readonly T[]): T {
  const given = body[field]
  if (given === undefined || given === null || given === '') throw missing(field)
  const value = values.find((one) => one === given)
  if (value === undefined) throw invalidArgument(field, `must be ${values.join(' or ')}`)
  return value
}

function flag(body: JsonObject, field: string, within = ''): boolean {
  const value = body[field]
  if (value === undefined || value === null) throw missing(within + field)
  if (typeof value !== 'boolean') throw invalidArgument(within + field, 'must be a boolean')
  return value
}

interface Range {
  readonly least: number
  readonly most: number
}

/** Quirk: the vendor's Python sample writes these numbers as strings [enos 3.5]; pinned by row 28. */
function optionalNumber(body: JsonObject, field: string, range: Range, within = ''): number | undefined {
  const given = body[field]
  if (given === undefined || given === null) return undefined
  const isNegative = typeof given === 'string' && given.startsWith('-')
  const size = isNegative ? whole(given.slice(1)) : whole(given)
  const value = size === undefined || !isNegative ? size : -size
  const { least, most } = range
  if (value === undefined || value < least || value > most)
    throw invalidArgument(within + field, `must be a whole number from ${least} to ${most}`)
  return value
}
