import type { Serial } from '../common.ts'
import { isOtaError, OtaError } from '../errors.ts'
import type { Stores } from '../ports.ts'
import { recordFor, type Scope, type ServiceDeps } from '../service.ts'
import { endUnfitUpdate } from '../update/end-unfit.ts'
import { aliasRows, claimAliases, deviceNames } from './claim-aliases.ts'
import { type CredentialInput, CredentialService } from './credential-service.ts'
import type { Device } from './device.ts'
import { claimDevices, type DevicePatch, DeviceService } from './device-service.ts'
import type { Alias } from './device-store.ts'
import { bearerHash, KnownDevices, KnownNames, type Named, nameOf } from './taken-names.ts'

/** One device of an import, its references resolved. */
export interface ImportRow {
  /** Where it stands in the file, from 1. */
  readonly line: number
  readonly input: Named
  /** Absent: active, or as it is. */
  readonly status?: Device['status']
}

/** Why a line cannot be taken. */
export interface ImportFault {
  readonly line: number
  readonly code: string
  readonly field: string
  readonly reason: string
}

/** What becomes of a device whose key is there already. */
export type OnExisting = 'error' | 'skip' | 'update'

/** A row that can be taken, and the device that it meets. */
export interface PlannedRow extends ImportRow {
  readonly existing: Device | undefined
  /** The vendors' names that it is to have. */
  readonly names: readonly Alias[]
}

export interface ImportCounts {
  readonly created: number
  readonly updated: number
  readonly skipped: number
}

const DIFFERS = 'differs from the device with this key'

/**
 * Many devices at once, a chunk at a time: `check` finds every bad line without writing, `write` stores a checked chunk
 * in one transaction with one event. One object per import: it remembers what earlier chunks claimed.
 */
export class DeviceImport {
  readonly #deps: ServiceDeps
  readonly #scope: Scope
  readonly #onExisting: OnExisting
  readonly #credentials: CredentialService
  readonly #devices: DeviceService
  readonly #claimed = new Set<string>()

  constructor(deps: ServiceDeps, scope: Scope, onExisting: OnExisting) {
    this.#deps = deps
    this.#scope = scope
    this.#onExisting = onExisting
    this.#credentials = new CredentialService(deps)
    this.#devices = new DeviceService(deps, this.#credentials)
  }

  /** Rows that can be taken, and what is wrong with the others: malformed, twice in the file, or taken already. */
  async check(stores: Stores, rows: readonly ImportRow[]): Promise<{ planned: PlannedRow[]; faults: ImportFault[] }> {
    const planned: PlannedRow[] = []
    const faults: ImportFault[] = []
    const defaultProduct = (await stores.organisations.find(this.#scope.organisation))?.defaultProduct ?? null
    const known = await KnownDevices.read(
      stores,
      this.#scope.organisation,
      rows.map(({ input }) => input),
    )
    for (const row of rows) {
      const met = this.#meet(row, known, defaultProduct)
      if ('fault' in met) faults.push(met.fault)
      else planned.push(met)
    }
    const names = await KnownNames.read(
      stores,
      planned.flatMap(({ names }) => names),
      planned.flatMap(credentialsOf),
    )
    const free = planned.filter((row) => {
      const fault = this.#isLeftAlone(row) ? undefined : takenBy(names, row)
      const last = fault ?? this.#claim(row)
      if (last) faults.push(last)
      return last === undefined
    })
    return { planned: free, faults }
  }

  /** Throws `limit-reached` when the organisation has no room for so many more; other writers may still be faster. */
  async requireRoom(stores: Stores, count: number): Promise<void> {
    const { devicesPerOrganisation: limit } = this.#deps.limits
    const there = await stores.devices.count({ organisation: this.#scope.organisation })
    if (there + count > limit)
      throw new OtaError('limit-reached', `An organisation has at most ${limit} devices here; ${there} are there.`)
  }

  /** Throws `conflict` when somebody took a name since the check; nothing of the chunk is stored then. */
  async write(rows: readonly PlannedRow[]): Promise<ImportCounts> {
    return this.#deps.storage.transaction(async (stores) => {
      const fresh = rows.filter((row) => row.existing === undefined)
      await this.#insert(stores, fresh)
      const updated = this.#onExisting === 'update' ? rows.filter((row) => row.existing !== undefined) : []
      for (const row of updated) await this.#update(stores, row)
      const counts = {
        created: fresh.length,
        updated: updated.length,
        skipped: rows.length - fresh.length - updated.length,
      }
      if (counts.created + counts.updated > 0) await this.#note(stores, rows, counts)
      return counts
    })
  }

  /** The row with the device that it meets, or what is wrong with either. */
  #meet(row: ImportRow, known: KnownDevices, defaultProduct: Serial | null): PlannedRow | { fault: ImportFault } {
    const { input, line } = row
    const conflict = (field: string, reason: string) => ({ fault: { line, code: 'conflict', field, reason } })
    try {
      const existing = known.withKey(input.key)
      const product = input.product === undefined ? (existing ? existing.product : defaultProduct) : input.product
      const { organisation } = this.#scope
      this.#devices.row(organisation, { ...input, product })
      const owner = deviceNames({ serial: existing?.serial ?? 0, product, organisation })
      const planned = { ...row, input: { ...input, product }, existing, names: aliasRows(owner, input.aliases ?? {}) }
      if (this.#isLeftAlone(planned)) return planned
      if (existing && this.#onExisting === 'error') return conflict('key', 'a device with this key is there already')
      if (existing && input.id !== undefined && existing.id !== input.id) return conflict('id', DIFFERS)
      if (existing && input.serial !== undefined && existing.serial !== input.serial) return conflict('number', DIFFERS)
      if (!existing && input.id !== undefined && known.hasId(input.id)) return conflict('id', 'is taken')
      if (!existing && input.serial !== undefined && known.hasSerial(input.serial))
        return conflict('number', 'is taken')
      return planned
    } catch (error) {
      if (isOtaError(error) && error.code !== 'internal') return { fault: faultOf(row, error) }
      throw error
    }
  }

  #isLeftAlone({ existing }: Pick<PlannedRow, 'existing'>): boolean {
    return existing !== undefined && this.#onExisting === 'skip'
  }

  /** What an earlier line of the file has already. */
  #claim(row: PlannedRow): ImportFault | undefined {
    const { line, input } = row
    const names = new Map<string, string>([[`key/${input.key}`, 'key']])
    if (!this.#isLeftAlone(row)) {
      if (input.id !== undefined) names.set(`id/${input.id}`, 'id')
      if (input.serial !== undefined) names.set(`number/${input.serial}`, 'number')
      for (const alias of row.names) names.set(`alias/${nameOf(alias)}`, `aliases.${alias.slot}`)
      for (const credential of credentialsOf(row)) {
        const hash = bearerHash(credential)
        if (hash !== undefined) names.set(`secret/${credential.scheme}/${hash}`, `credentials.${credential.scheme}`)
      }
    }
    for (const [name, field] of names)
      if (this.#claimed.has(name)) return { line, code: 'conflict', field, reason: 'stands in an earlier line too' }
    for (const name of names.keys()) this.#claimed.add(name)
    return undefined
  }

  async #insert(stores: Stores, rows: readonly PlannedRow[]): Promise<void> {
    const { organisation } = this.#scope
    await claimDevices(stores, this.#deps, { organisation, count: rows.length })
    const inserted = await stores.devices.insertMany(
      rows.map(({ input, status }) => ({
        ...this.#devices.row(organisation, { ...input, product: input.product ?? null }),
        status: status ?? 'active',
      })),
    )
    const credentials = []
    for (const [index, device] of inserted.entries()) {
      for (const input of rows[index]?.input.credentials ?? [])
        credentials.push(this.#credentials.row(organisation, { device: device.serial }, input))
    }
    await stores.aliases.claimMany(inserted.flatMap((device) => aliasRows(deviceNames(device), device.aliases)))
    await stores.credentials.insertMany(credentials)
  }

  /** Members that the line has replace the device's; vendor names and attributes are added to. */
  async #update(stores: Stores, { existing, input, status }: PlannedRow): Promise<void> {
    if (!existing) return
    const after = (await stores.devices.update(existing.serial, patchOf(existing, { input, status }))) ?? existing
    await endUnfitUpdate(stores, this.#deps, { before: existing, after, actor: this.#scope.actor })
    if (Object.keys(after.aliases).length > 0) await claimAliases(stores, deviceNames(after), after.aliases)
    for (const credential of input.credentials ?? []) await this.#replaceCredential(stores, after, credential)
  }

  async #replaceCredential(stores: Stores, device: Device, input: CredentialInput): Promise<void> {
    const old = await stores.credentials.listByDevice(device.serial, input.scheme)
    const row = this.#credentials.row(device.organisation, { device: device.serial }, input)
    const isSame = old.some(
      (one) =>
        one.hash === row.hash && one.expiresAt === null && JSON.stringify(one.details) === JSON.stringify(row.details),
    )
    if (isSame) return
    for (const one of old) await stores.credentials.delete(one.serial)
    const generation = Math.max(row.generation, ...old.map((one) => one.generation))
    await stores.credentials.insert({ ...row, generation })
  }

  async #note(stores: Stores, rows: readonly PlannedRow[], counts: ImportCounts): Promise<void> {
    const organisation = await stores.organisations.find(this.#scope.organisation)
    await recordFor(stores, this.#deps, this.#scope, {
      type: 'device.imported',
      subject: { kind: 'organisation', id: organisation?.id ?? '' },
      details: { ...counts, firstKey: rows[0]?.input.key, lastKey: rows.at(-1)?.input.key },
    })
  }
}

/** A device as a line of an import leaves it. */
export function afterImport(existing: Device, row: Pick<PlannedRow, 'input' | 'status'>): Device {
  return { ...existing, ...patchOf(existing, row) }
}

function patchOf(existing: Device, { input, status }: { input: Named; status?: Device['status'] | undefined }) {
  const { name, product, group, tags, attributes, aliases } = input
  return {
    ...(status !== undefined && { status }),
    ...(name !== undefined && { name }),
    ...(product !== undefined && { product }),
    ...(group !== undefined && { group }),
    ...(tags && { tags }),
    ...(attributes && { attributes: { ...existing.attributes, ...attributes } }),
    ...(aliases && { aliases: { ...existing.aliases, ...aliases } }),
  } satisfies DevicePatch
}

/** What another row of the database has already. */
function takenBy(known: KnownNames, row: PlannedRow): ImportFault | undefined {
  const { line, existing } = row
  const conflict = (field: string) => ({ line, code: 'conflict', field, reason: 'is taken' })
  for (const name of row.names) {
    const alias = known.alias(name)
    const isOwn = alias?.kind === 'device' && alias.owner === existing?.serial
    if (alias && !isOwn) return conflict(`aliases.${name.slot}`)
  }
  for (const input of credentialsOf(row)) {
    const credential = known.credential(input)
    if (credential && (!existing || credential.device !== existing.serial))
      return conflict(`credentials.${input.scheme}`)
  }
  return undefined
}

function credentialsOf({ input }: PlannedRow): readonly CredentialInput[] {
  return input.credentials ?? []
}

function faultOf({ line }: ImportRow, error: OtaError): ImportFault {
  const { field, reason } = error.details
  return {
    line,
    code: error.code,
    field: typeof field === 'string' ? field : '',
    reason: typeof reason === 'string' ? reason : error.message,
  }
}
