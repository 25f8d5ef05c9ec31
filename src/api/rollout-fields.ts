import { z } from 'zod'
import type { RolloutInput } from '../core/rollout/rollout-input.ts'
import { WEEKDAYS } from '../core/rollout/schedule/window.ts'
import type { StageInput } from '../core/rollout/stage-input.ts'
import { keyField, nameField, referenceField } from './fields.ts'

/** What operators say of rollouts, over the API and in a fleet file. Core checks ranges and has the last word. */

const text = z.string().min(1).max(500)
const oneOrMore = z.union([z.string(), z.array(z.string()).min(1).max(1_000)], {
  error: 'must be text, or a list of texts',
})
const labelsOf = z
  .record(z.string(), oneOrMore)
  .refine((labels) => Object.keys(labels).length <= 20, 'at most 20 names')
const seconds = z
  .int()
  .min(1)
  .max(365 * 86_400)
const instant = z.iso.datetime({ offset: true })

const dailyWindow = z.strictObject({
  kind: z.literal('daily'),
  from: z.string().describe('Time of day, HH:MM'),
  to: z.string().describe('Not after `from`: past midnight'),
  days: z.array(z.enum(WEEKDAYS)).exactOptional().describe('Days on which it begins; all unless given'),
  zone: z.string().exactOptional().describe("IANA name, or device: each device's own; options.timeZone unless given"),
})

const absoluteWindow = z.strictObject({
  kind: z.literal('absolute'),
  startAt: instant,
  endAt: instant,
  repeatDaily: z.boolean().exactOptional().describe('Every 24 hours from startAt on'),
})

const windowField = z.discriminatedUnion('kind', [dailyWindow, absoluteWindow])

export const stageField = z
  .strictObject({
    percent: z.number().exactOptional().describe('Devices up to this share, counted from the beginning'),
    count: z.int().exactOptional().describe('The first so many devices to ask'),
    groups: z.array(referenceField).exactOptional().describe('Members of these groups'),
    successThreshold: z
      .number()
      .exactOptional()
      .describe('Percent of the matured devices that must have succeeded before the next stage; default 95, 0 = none'),
    minMatured: z.int().exactOptional().describe('Matured devices that this needs; default 1'),
    soakSeconds: z.int().exactOptional().describe('Least time to the next stage; default 0'),
    approvals: z.int().exactOptional().describe('People who must approve before it begins: 0, 1 or 2'),
    concurrency: z.int().nullable().exactOptional().describe('Updates under way at once; null = no limit'),
    ratePerMinute: z.int().nullable().exactOptional().describe('Grants in each minute; null = no limit'),
    window: windowField.nullable().exactOptional().describe('When it grants; null = always'),
    spreadSeconds: z.int().exactOptional().describe('Devices are granted at random moments of so much time'),
  })
  .meta({ id: 'NewStage', description: 'One of percent, count and groups' })

export const stagesField = z.array(stageField).describe('In order; one stage with everybody unless given')

export const selectField = z
  .strictObject({
    filter: z.string().exactOptional().describe('In the filter language (docs/filters.md)'),
    tags: labelsOf.exactOptional().describe('Name -> value, or a list of values'),
    attributes: labelsOf.exactOptional(),
    groups: z.array(referenceField).exactOptional().describe('Keys'),
    devices: z.array(referenceField).exactOptional().describe('Keys'),
    fromVersions: z.array(text).exactOptional().describe('What the primary module runs'),
    reportingOnly: z.boolean().exactOptional().describe('Leave out devices that never reported a version'),
  })
  .describe('Which devices of the product; what is given must all hold')

const thresholds = z.strictObject({
  kind: z.literal('threshold'),
  failures: z.int().exactOptional().describe('Stops as soon as so many have failed'),
  percent: z.number().exactOptional().describe('Stops when more than so many percent failed'),
  minMatured: z.int().exactOptional().describe('Devices before `percent` applies; default 10'),
})

export const healthField = z
  .strictObject({
    mode: z.union([z.enum(['sequential', 'off']), thresholds]).exactOptional(),
    acceptableFailureRate: z.number().exactOptional().describe('Up to which a release counts as good; default 0.02'),
    errorBudget: z.number().exactOptional().describe('Probability of stopping a good one; default 0.01'),
    confirmSeconds: z.int().exactOptional().describe('Not confirmed by then is a failure; default 3600'),
    allowance: z
      .union([
        z.literal('unlimited'),
        z.strictObject({
          initial: z.int().exactOptional(),
          growth: z.number().exactOptional(),
          brake: z.number().exactOptional(),
        }),
      ])
      .exactOptional()
      .describe('Devices that may hold the release without a verdict'),
    cohorts: z.array(z.string()).exactOptional().describe('Attributes, and from-version, tested on their own'),
    minVerifiableShare: z.number().exactOptional(),
  })
  .describe('The health gate (docs/health-gates.md)')

const timeOut = seconds.nullable().exactOptional()

export const optionsField = z
  .strictObject({
    timeZone: z.string().exactOptional().describe('IANA name, of windows; default UTC'),
    allowDowngrade: z.boolean().exactOptional(),
    retry: z
      .strictObject({
        attempts: z.int().exactOptional().describe('Tries in all; default 3'),
        pauseSeconds: z.int().exactOptional().describe('Before the second; default 60'),
        steady: z.boolean().exactOptional().describe('It does not double with each further one'),
      })
      .exactOptional(),
    timeOuts: z
      .strictObject({
        offered: timeOut,
        downloading: timeOut,
        downloaded: timeOut,
        installing: timeOut,
        cancelling: timeOut,
        work: timeOut,
        workFrom: z.enum(['download', 'offered']).exactOptional(),
        offeredExpiry: z.enum(['fail', 'release-slot']).exactOptional(),
        reason: text.nullable().exactOptional(),
      })
      .nullable()
      .exactOptional()
      .describe("Seconds in which its updates must move on, where they differ from the server's; null = for ever"),
    pull: z.boolean().exactOptional().describe('Devices may ask for it by themselves, where a protocol knows both'),
    ignorePenalty: z.boolean().exactOptional().describe('Also for devices whose last updates failed'),
    staysOpen: z
      .boolean()
      .exactOptional()
      .describe('It does not finish by itself when all devices of its list are done'),
  })
  .describe('What else differs from the defaults')

/** Members of a new rollout, but for what it ships. */
export const rolloutFields = {
  key: keyField.exactOptional().describe('The id unless given'),
  name: nameField.exactOptional(),
  kind: z.enum(['update', 'verification']).exactOptional().describe('verification: tries firmware on a few devices'),
  select: selectField.exactOptional(),
  stages: stagesField.exactOptional(),
  health: healthField.exactOptional(),
  options: optionsField.exactOptional(),
  priority: z.int().exactOptional().describe('-1000 to 1000; higher ones first, then older ones'),
  membership: z
    .enum(['dynamic', 'snapshot'])
    .exactOptional()
    .describe('snapshot: who is selected when the rollout is made; default dynamic'),
}

type StageFields = z.output<typeof stageField>
const rolloutSchema = z.strictObject(rolloutFields)
export type RolloutFields = z.output<typeof rolloutSchema>

/** Stages in core's words. `zone`: of windows that name none. */
export function stagesFrom(stages: readonly StageFields[], zone: string): StageInput[] {
  return stages.map(({ window, ...stage }) => {
    if (window === undefined || window === null) return { ...stage, ...(window === null && { window }) }
    if (window.kind === 'daily') return { ...stage, window: { ...window, zone: window.zone ?? zone } }
    const { startAt, endAt, ...rest } = window
    return { ...stage, window: { ...rest, startAt: Date.parse(startAt), endAt: Date.parse(endAt) } }
  })
}

/** A new rollout in core's words, but for what it ships. */
export function rolloutFrom({ stages, ...fields }: RolloutFields): Omit<RolloutInput, 'release'> {
  const zone = fields.options?.timeZone ?? 'UTC'
  return { ...fields, ...(stages && { stages: stagesFrom(stages, zone) }) }
}
