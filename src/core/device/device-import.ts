import type { Aliases, Serial } from '../common.ts'
import { isOtaError, OtaError } from '../errors.ts'
import type { Stores } from '../ports.ts'
import { recordFor, type Scope, type ServiceDeps } from '../service.ts'
import { claimAliases, SERVER_SLOTS } from './claim-aliases.ts'
import { type CredentialInput, CredentialService } from './credential-service.ts'
import type { Device } from './device.ts'
import { claimDevices, type DeviceInput, type DevicePatch, DeviceService } from './device-service.ts'
import { hashToken } from './secret-hash.ts'

/** One device of an import, its references resolved. */
export interface ImportRow {
  /** Where it stands in the file, from 1. */
  readonly line: number
  readonly input: DeviceInput & { readonly key: string }
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
}

export interface ImportCounts {
  readonly created: number
  readonly updated: number
  readonly skipped: number
}

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
    const met = await Promise.all(rows.map((row) => this.#meet(stores, row, defaultProduct)))
    for (const { row, existing, fault } of met) {
      const twice = fault ?? this.#claim(row, existing)
      if (twice) faults.push(twice)
      else planned.push({ ...row, existing })
    }
    return { planned, faults }
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

  async #meet(stores: Stores, row: ImportRow, defaultProduct: Serial | null): Promise<Met> {
    try {
      const { input } = row
      const product = input.product === undefined ? defaultProduct : input.product
      this.#devices.row(this.#scope.organisation, { ...input, product })
      const existing = await stores.devices.findByKey(this.#scope.organisation, input.key)
      const whole = {
        ...row,
        input: { ...input, product: existing && input.product === undefined ? existing.product : product },
      }
      if (existing && this.#onExisting === 'skip') return { row: whole, existing }
      const fault = await this.#taken(stores, whole, existing)
      return { row: whole, existing, ...(fault && { fault }) }
    } catch (error) {
      if (isOtaError(error) && error.code !== 'internal')
        return { row, existing: undefined, fault: faultOf(row, error) }
      throw error
    }
  }

  /** What another row of the database has already. */
  async #taken(stores: Stores, row: ImportRow, existing: Device | undefined): Promise<ImportFault | undefined> {
    const { input, line } = row
    const conflict = (field: string, reason = 'is taken') => ({ line, code: 'conflict', field, reason })
    if (existing && this.#onExisting === 'error') return conflict('key', 'a device with this key is there already')
    if (
      input.id !== undefined &&
      (existing ? existing.id !== input.id : await stores.devices.findByIdOnServer(input.id))
    )
      return conflict('id', existing ? 'differs from the device with this key' : 'is taken')
    const { serial } = input
    if (serial !== undefined && (existing ? existing.serial !== serial : await stores.devices.find(serial)))
      return conflict('number', existing ? 'differs from the device with this key' : 'is taken')
    for (const [slot, name] of Object.entries(input.aliases ?? {})) {
      const alias = await stores.aliases.find(slot, scopeOf(slot, input), name)
      if (alias && !(alias.kind === 'device' && alias.owner === existing?.serial)) return conflict(`aliases.${slot}`)
    }
    for (const { scheme, secret } of input.credentials ?? []) {
      const other = secret === undefined ? undefined : await stores.credentials.findByHash(scheme, hashToken(secret))
      if (other && (existing === undefined || other.device !== existing.serial))
        return conflict(`credentials.${scheme}`)
    }
    return undefined
  }

  /** What an earlier line of the file has already. */
  #claim({ line, input }: ImportRow, existing: Device | undefined): ImportFault | undefined {
    const names = new Map<string, string>([[`key/${input.key}`, 'key']])
    if (existing === undefined || this.#onExisting !== 'skip') {
      if (input.id !== undefined) names.set(`id/${input.id}`, 'id')
      if (input.serial !== undefined) names.set(`number/${input.serial}`, 'number')
      for (const [slot, name] of Object.entries(input.aliases ?? {}))
        names.set(`alias/${slot}/${scopeOf(slot, input)}/${name}`, `aliases.${slot}`)
      for (const { scheme, secret, recoverable } of input.credentials ?? [])
        if (secret !== undefined && !recoverable)
          names.set(`secret/${scheme}/${hashToken(secret)}`, `credentials.${scheme}`)
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
      await this.#claimNames(stores, device, device.aliases)
      for (const input of rows[index]?.input.credentials ?? [])
        credentials.push(this.#credentials.row(organisation, { device: device.serial }, input))
    }
    await stores.credentials.insertMany(credentials)
  }

  /** Members that the line has replace the device's; vendor names and attributes are added to. */
  async #update(stores: Stores, { existing, input, status }: PlannedRow): Promise<void> {
    if (!existing) return
    const { name, product, group, tags, attributes, aliases } = input
    const patch: DevicePatch = {
      ...(status !== undefined && { status }),
      ...(name !== undefined && { name }),
      ...(product !== undefined && { product }),
      ...(group !== undefined && { group }),
      ...(tags && { tags }),
      ...(attributes && { attributes: { ...existing.attributes, ...attributes } }),
      ...(aliases && { aliases: { ...existing.aliases, ...aliases } }),
    }
    const after = (await stores.devices.update(existing.serial, patch)) ?? existing
    await this.#claimNames(stores, after, after.aliases)
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

  #claimNames(stores: Stores, device: Device, aliases: Aliases): Promise<void> {
    if (Object.keys(aliases).length === 0) return Promise.resolve()
    return claimAliases(stores, { kind: 'device', owner: device.serial, scope: device.product ?? 0 }, aliases)
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

interface Met {
  readonly row: ImportRow
  readonly existing: Device | undefined
  readonly fault?: ImportFault
}

function scopeOf(slot: string, input: DeviceInput): Serial {
  return SERVER_SLOTS.has(slot) ? 0 : (input.product ?? 0)
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
