import { type Id, isId, type Serial } from '../../core/common.ts'
import type { Core } from '../../core/create-core.ts'
import type {
  AssignmentHolder,
  AssignmentHolderFilter,
  DeviceHolder,
  GroupHolder,
  HolderFilter,
} from '../../core/device/holder-store.ts'
import type { Caller } from './auth.ts'
import { inBatches, type ListPage } from './list-reply.ts'
import type { ListRequest } from './schema.ts'
import { SCHEME, type Target } from './scheme.ts'
import { type Shown, toDevice, toGroup, toOta } from './translate.ts'

type Page = Omit<ListPage, 'key' | 'draw'>

/** Devices, groups and assignments as this protocol sees them: only those that hold one of its credentials. */
export class Holders {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  /** undefined when there is none, it is another organisation's, or `id` is malformed. */
  async device(caller: Caller, id: string): Promise<DeviceHolder | undefined> {
    if (!isId(id)) return undefined
    return (await this.#core.deps.storage.read.holders.devices({ ...this.#filter(caller), id }, { limit: 1 }))[0]
  }

  /** As `device`. */
  async group(caller: Caller, id: string): Promise<GroupHolder | undefined> {
    if (!isId(id)) return undefined
    return (await this.#core.deps.storage.read.holders.groups({ ...this.#filter(caller), id }, { limit: 1 }))[0]
  }

  showDevice(caller: Caller, holder: DeviceHolder): object {
    return toDevice(holder, this.#shown(caller.owner, holder))
  }

  showGroup(caller: Caller, holder: GroupHolder): object {
    return toGroup(holder, this.#shown(caller.owner, holder))
  }

  /** All devices, or the members of one group. */
  async devicePage(caller: Caller, request: ListRequest, group?: Serial): Promise<Page> {
    const { holders } = this.#core.deps.storage.management
    const all = { ...this.#filter(caller), ...(group !== undefined && { group }) }
    const filter = { ...all, ...(request.search !== undefined && { nameContains: request.search }) }
    const rows = inBatches(
      request,
      (slice) => holders.devices(filter, slice),
      ({ device }) => ({ at: device.createdAt, id: device.id }),
    )
    return {
      ...(await this.#counts(
        request,
        () => holders.countDevices(all),
        () => holders.countDevices(filter),
      )),
      batches: mapped(rows, (row) => this.showDevice(caller, row)),
    }
  }

  async groupPage(caller: Caller, request: ListRequest): Promise<Page> {
    const { holders } = this.#core.deps.storage.management
    const all = this.#filter(caller)
    const filter = { ...all, ...(request.search !== undefined && { nameContains: request.search }) }
    const rows = inBatches(
      request,
      (slice) => holders.groups(filter, slice),
      ({ group }) => ({ at: group.createdAt, id: group.id }),
    )
    return {
      ...(await this.#counts(
        request,
        () => holders.countGroups(all),
        () => holders.countGroups(filter),
      )),
      batches: mapped(rows, (row) => this.showGroup(caller, row)),
    }
  }

  /** A search looks at `path`, which holds the sealed token: such rows are opened one by one, in bounded batches. */
  async otaPage(caller: Caller, request: ListRequest, target: Target): Promise<Page> {
    const filter = { ...this.#filter(caller), target }
    const total = await this.#core.deps.storage.management.holders.countAssignments(filter)
    const search = request.search?.toLowerCase()
    const show = (row: AssignmentHolder) => toOta(target, row, this.#shown(caller.owner, row))
    if (search === undefined || matchesEveryPath(target, search))
      return { total, filtered: total, batches: mapped(this.#assignments(filter, request), show) }
    const found: object[] = []
    let filtered = 0
    const everything = { ...request, offset: 0, limit: Number.POSITIVE_INFINITY }
    for await (const rows of this.#assignments(filter, everything))
      for (const row of rows.map(show)) {
        if (!row.path.toLowerCase().includes(search)) continue
        if (filtered >= request.offset && found.length < request.limit) found.push(row)
        filtered++
      }
    return { total, filtered, batches: once(found) }
  }

  #assignments(filter: AssignmentHolderFilter, request: Pick<ListRequest, 'offset' | 'limit' | 'order'>) {
    const { holders } = this.#core.deps.storage.management
    return inBatches(
      request,
      (slice) => holders.assignments(filter, slice),
      ({ assignment }) => ({ at: assignment.assignedAt, id: assignment.id }),
    )
  }

  async #counts(request: ListRequest, all: () => Promise<number>, matching: () => Promise<number>) {
    const total = await all()
    return { total, filtered: request.search === undefined ? total : await matching() }
  }

  #filter(caller: Caller): HolderFilter {
    return { organisation: caller.scope.organisation, scheme: SCHEME, now: this.#core.deps.clock.now() }
  }

  #shown(owner: Id, { credential }: Pick<DeviceHolder, 'credential'>): Shown {
    return { owner, token: this.#core.credentials.reveal(credential) }
  }
}

/** Whether `search`, in lower case, occurs in what all paths have in common. */
function matchesEveryPath(target: Target, search: string): boolean {
  return `ota/${target}/`.includes(search) || '/firmware.bin'.includes(search)
}

async function* mapped<T, R>(batches: AsyncIterable<readonly T[]>, map: (row: T) => R): AsyncGenerator<readonly R[]> {
  for await (const rows of batches) yield rows.map(map)
}

async function* once<T>(rows: readonly T[]): AsyncGenerator<readonly T[]> {
  if (rows.length > 0) yield rows
}
