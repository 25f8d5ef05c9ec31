import type { Core } from '../../../core/create-core.ts'
import type { Firmware } from '../../../core/firmware/firmware.ts'
import type { Call } from '../call.ts'
import type { Condition } from '../expression/expression.ts'
import { nameContains, nameFields, placeOf } from '../expression/name-fields.ts'
import type { JsonObject } from '../json.ts'
import { productsNamed, searchRequest } from '../search-request.ts'
import type { Job } from './job-facts.ts'
import { type JobDescriber, type JobInfo, statusOf, typeOf } from './job-info.ts'
import { listJobs } from './list-jobs.ts'

const FIELDS = {
  productKey: 'values',
  firmwareId: 'values',
  firmwareVersion: 'values',
  type: 'value',
  status: 'value',
  ...nameFields('name'),
  ...nameFields('firmwareName'),
} as const

type Field = keyof typeof FIELDS

/** [enos 3.6] One page of an organisation's jobs, newest first. */
export async function searchJobs(
  core: Core,
  { organisation }: Call,
  { body, describer }: { readonly body: JsonObject; readonly describer: JobDescriber },
): Promise<JobInfo[]> {
  const { conditions, page } = searchRequest(body, FIELDS)
  const products = await productsNamed(core, organisation.serial, conditions)
  if (products?.length === 0) return []
  const found: JobInfo[] = []
  let skip = page.offset
  for await (const job of listJobs(core, organisation)) {
    if (products?.includes(job.rollout.product) === false) continue
    const firmware = await describer.firmware(job)
    if (!firmware || !conditions.every((condition) => holds(job, firmware, condition)) || skip-- > 0) continue
    const info = await describer.info(job)
    if (info) found.push(info)
    if (found.length >= page.limit) break
  }
  return found
}

function holds(job: Job, firmware: Firmware, condition: Condition<Field>): boolean {
  switch (condition.kind) {
    case 'one-of': {
      const value = fieldOf(job, condition.field)
      return value === undefined || condition.values.includes(value)
    }
    case 'is':
      return true // no field of jobs is one
    case 'contains': {
      const name = condition.field.startsWith('firmwareName') ? firmware.name : job.facts.name
      return name !== null && nameContains(name, placeOf(condition.field), condition.text)
    }
  }
}

/** undefined for the product, which was seen to above. */
function fieldOf(job: Job, field: Field): string | undefined {
  switch (field) {
    case 'firmwareId':
      return job.facts.firmware
    case 'firmwareVersion':
      return job.facts.version
    case 'type':
      return typeOf(job)
    case 'status':
      return statusOf(job)
    default:
      return undefined
  }
}
