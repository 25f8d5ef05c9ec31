import type { Core } from '../../../core/create-core.ts'
import type { Device } from '../../../core/device/device.ts'
import type { DeviceFilter } from '../../../core/device/device-store.ts'
import type { MemberFound, MemberSearch } from '../../../core/rollout/member-search.ts'
import type { Call } from '../call.ts'
import { devicesByDeviceKey } from '../device-names.ts'
import type { Condition } from '../expression/expression.ts'
import type { JsonObject } from '../json.ts'
import { allowedValues, searchRequest } from '../search-request.ts'
import { type Job, jobOf } from './job-facts.ts'
import { all, oneOf } from './job-selection.ts'
import { listJobs } from './list-jobs.ts'
import { type Part, pageOfParts } from './paged-parts.ts'
import type { AsOf } from './task-state.ts'
import { type TaskWish, taskTraits } from './task-traits.ts'

const FIELDS = {
  jobId: 'values',
  deviceKey: 'values',
  fromVersion: 'values',
  toVersion: 'values',
  status: 'values',
  desc: 'values',
} as const

type Field = keyof typeof FIELDS

/** [enos 3.6] A search that names no job looks at the tasks of so many, the newest. */
export const MOST_JOBS = 1_000

/** A task as it was found: of a member of a job, or of a device that the job means and never reached. */
export type TaskFound =
  | { readonly job: Job; readonly found: MemberFound; readonly device?: undefined }
  | { readonly job: Job; readonly device: Device; readonly found?: undefined }

/** [enos 3.6] One page of an organisation's tasks, the latest news first. */
export async function searchTasks(core: Core, call: Call, body: JsonObject): Promise<TaskFound[]> {
  const { conditions, page } = searchRequest(body, FIELDS)
  const jobs = await jobsMeant(core, call, conditions)
  const devices = await devicesMeant(core, call, { conditions, jobs })
  if (jobs.length === 0 || devices?.length === 0) return []
  return pageOfParts(new TaskParts(core, { jobs, devices, wish: wishOf(conditions) }).all(), page)
}

function wishOf(conditions: readonly Condition<Field>[]): TaskWish {
  const wish = {
    statuses: allowedValues(conditions, 'status'),
    descs: allowedValues(conditions, 'desc'),
    fromVersions: allowedValues(conditions, 'fromVersion'),
  }
  return Object.fromEntries(Object.entries(wish).filter(([, values]) => values !== undefined))
}

/** Newest first. */
async function jobsMeant(core: Core, call: Call, conditions: readonly Condition<Field>[]): Promise<Job[]> {
  const versions = allowedValues(conditions, 'toVersion')
  const isMeant = ({ facts }: Job) => versions?.includes(facts.version) !== false
  const ids = allowedValues(conditions, 'jobId')
  const jobs: Job[] = []
  if (ids === undefined) {
    for await (const job of listJobs(core, call.organisation)) {
      if (isMeant(job)) jobs.push(job)
      if (jobs.length >= MOST_JOBS) break
    }
    return jobs
  }
  for (const id of ids) {
    const rollout = await core.deps.storage.management.rollouts.findById(call.organisation.serial, id)
    const job = rollout && jobOf(rollout)
    if (job && isMeant(job)) jobs.push(job)
  }
  return jobs.sort(({ rollout: a }, { rollout: b }) => b.createdAt - a.createdAt || b.serial - a.serial)
}

async function devicesMeant(
  core: Core,
  { organisation }: Call,
  { conditions, jobs }: { readonly conditions: readonly Condition<Field>[]; readonly jobs: readonly Job[] },
): Promise<Device[] | undefined> {
  const names = allowedValues(conditions, 'deviceKey')
  if (names === undefined) return undefined
  const products = [...new Set(jobs.map(({ rollout }) => rollout.product))]
  const named = await devicesByDeviceKey(core.deps.storage.management, { organisation, names }, products)
  return [...named.values()].flat()
}

interface Looking {
  /** Newest first. */
  readonly jobs: readonly Job[]
  readonly devices: readonly Device[] | undefined
  readonly wish: TaskWish
}

/**
 * The tasks of jobs in the order of their news. Members have rows; the others' news is the making of their job, which no
 * member's news precedes: so they stand right behind all members with news since then.
 */
class TaskParts {
  readonly #core: Core
  readonly #looking: Looking
  readonly #byRollout: ReadonlyMap<number, Job>
  readonly #like: MemberSearch['like']

  constructor(core: Core, looking: Looking) {
    this.#core = core
    this.#looking = looking
    this.#byRollout = new Map(looking.jobs.map((job) => [job.rollout.serial, job]))
    const asOf: AsOf = { now: core.deps.clock.now(), limits: core.deps.limits }
    this.#like = taskTraits(
      looking.jobs.map(({ rollout }) => rollout),
      looking.wish,
      asOf,
    )
  }

  *all(): Generator<Part<TaskFound>> {
    let until: number | undefined
    for (const job of this.#looking.jobs) {
      const outsiders = this.#outsiders(job)
      if (!outsiders) continue
      const { createdAt } = job.rollout
      if (createdAt !== until) yield this.#members({ from: createdAt, ...(until !== undefined && { until }) })
      until = createdAt
      yield outsiders
    }
    yield this.#members(until === undefined ? {} : { until })
  }

  #members(news: NonNullable<MemberSearch['news']>): Part<TaskFound> {
    const { rolloutMembers } = this.#core.deps.storage.management
    const { devices } = this.#looking
    const search: MemberSearch = {
      rollouts: [...this.#byRollout.keys()],
      ...(devices && { devices: devices.map(({ serial }) => serial) }),
      ...(this.#like && { like: this.#like }),
      news,
    }
    return {
      list: async (page) =>
        (await rolloutMembers.search(search, page)).flatMap((found) => {
          const job = this.#byRollout.get(found.member.rollout)
          return job ? [{ job, found }] : []
        }),
      count: () => rolloutMembers.countFound(search),
    }
  }

  /** [enos 4] Devices that are in scope and have no row: their tasks are `init`. A snapshot has a row for each. */
  #outsiders(job: Job): Part<TaskFound> | undefined {
    const { wish, devices } = this.#looking
    const { rollout } = job
    if (rollout.membership === 'snapshot') return undefined
    if (wish.statuses?.includes('init') === false || wish.descs?.includes('') === false) return undefined
    const ids = devices?.filter(({ product }) => product === rollout.product).map(({ id }) => id)
    if (ids?.length === 0) return undefined
    const filter: DeviceFilter = {
      organisation: rollout.organisation,
      product: rollout.product,
      outside: rollout.serial,
      where: all([
        rollout.selection.filter,
        ...(ids ? [oneOf('id', ids)] : []),
        ...(wish.fromVersions ? [oneOf('version', wish.fromVersions)] : []),
      ]),
    }
    const stores = this.#core.deps.storage.management
    return {
      list: async (page) => (await stores.devices.list(filter, page)).map((device) => ({ job, device })),
      count: () => stores.devices.count(filter),
    }
  }
}
