import type { Aliases, Id, Serial } from '../common.ts'
import { claimAliases, ORGANISATION_SLOTS } from '../device/claim-aliases.ts'
import { SERVER_FROZEN } from '../device/device-facts.ts'
import { invalid, notFound, OtaError } from '../errors.ts'
import type { Actor } from '../event/event.ts'
import { record } from '../event/record.ts'
import { withKeys } from '../event/with-keys.ts'
import type { Stores } from '../ports.ts'
import { changed, difference, recordFor, type Scope, type ServiceDeps } from '../service.ts'
import { requireKey, requireText } from '../validate.ts'
import type { Organisation } from './organisation.ts'

export interface OrganisationInput {
  readonly key: string
  readonly name?: string
  /** A fixed id, for migration. */
  readonly id?: Id
  readonly aliases?: Aliases
  readonly settings?: Organisation['settings']
}

export type OrganisationPatch = Partial<
  Pick<Organisation, 'name' | 'aliases' | 'settings' | 'defaultProduct' | 'frozen'>
>

/** First path segments that the host owns; an organisation named so would be unreachable over some protocol. */
export const RESERVED_KEYS: ReadonlySet<string> = new Set(
  'v1 api login loginDevice apim-token-service connect-service auth topic multipart rest device docs healthz readyz metrics console controller'.split(
    ' ',
  ),
)

export class OrganisationService {
  readonly #deps: ServiceDeps

  constructor(deps: ServiceDeps) {
    this.#deps = deps
  }

  /** Throws `conflict` when key or id is taken, `invalid` for a reserved key. */
  async create(actor: Actor, input: OrganisationInput): Promise<Organisation> {
    const { storage, clock, ids } = this.#deps
    requireKey('key', input.key)
    if (RESERVED_KEYS.has(input.key)) throw invalid('key', `"${input.key}" is reserved: the server uses it in paths`)
    return storage.transaction(async (stores) => {
      const now = clock.now()
      const organisation = await stores.organisations.insert({
        id: input.id ?? ids.id(now),
        createdAt: now,
        key: input.key,
        name: requireText('name', input.name ?? input.key),
        defaultProduct: null,
        frozen: false,
        aliases: input.aliases ?? {},
        settings: input.settings ?? {},
      })
      await refuseKeyOfOther(stores, organisation, organisation.aliases)
      await refuseNameOfOther(stores, organisation)
      await claimAliases(stores, { kind: 'organisation', owner: organisation.serial, scope: 0 }, organisation.aliases)
      const subject = { kind: 'organisation', id: organisation.id }
      await record(stores, this.#deps, {
        organisation: organisation.serial,
        type: 'organisation.created',
        actor,
        subject,
        details: { key: organisation.key, name: organisation.name },
      })
      return organisation
    })
  }

  async update(scope: Scope, patch: OrganisationPatch, ifRevision?: number): Promise<Organisation> {
    return this.#deps.storage.transaction(async (stores) => {
      const before = await stores.organisations.find(scope.organisation)
      if (!before) throw notFound('organisation', scope.organisation)
      if (patch.name !== undefined) requireText('name', patch.name)
      if (patch.defaultProduct != null) {
        const product = await stores.products.find(patch.defaultProduct)
        if (product?.organisation !== scope.organisation) throw notFound('product', patch.defaultProduct)
      }
      if (patch.aliases) {
        await refuseKeyOfOther(stores, before, patch.aliases)
        await claimAliases(stores, { kind: 'organisation', owner: before.serial, scope: 0 }, patch.aliases)
      }
      const after = changed(await stores.organisations.update(before.serial, patch, ifRevision))
      const subject = { kind: 'organisation', id: before.id }
      await recordFor(stores, this.#deps, scope, {
        type: 'organisation.changed',
        subject,
        details: await withKeys(stores, difference(before, patch)),
      })
      return after
    })
  }

  /** Nothing new is offered to any device of the server until it is thawed; what is under way ends. */
  async freezeServer(actor: Actor, frozen: boolean): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      if (frozen) await stores.settings.set(SERVER_FROZEN, 'on')
      else await stores.settings.delete(SERVER_FROZEN)
      const type = frozen ? 'server.frozen' : 'server.thawed'
      await record(stores, this.#deps, { organisation: null, type, actor, subject: { kind: 'server', id: '' } })
    })
  }

  async isServerFrozen(): Promise<boolean> {
    return (await this.#deps.storage.read.settings.get(SERVER_FROZEN)) === 'on'
  }

  /** By id or key. Throws `not-found`. */
  async get(reference: string): Promise<Organisation> {
    const { organisations } = this.#deps.storage.read
    const found = (await organisations.findByKey(reference)) ?? (await organisations.findById(reference))
    if (!found) throw notFound('organisation', reference)
    return found
  }

  /** By a vendor's name for it, else by its key where it has none. */
  async findByAlias(slot: string, name: string): Promise<Organisation | undefined> {
    const { aliases, organisations } = this.#deps.storage.read
    const alias = await aliases.find(slot, 0, name)
    if (alias) return organisations.find(alias.owner)
    const byKey = await organisations.findByKey(name)
    return byKey && !(slot in byKey.aliases) ? byKey : undefined
  }

  find(serial: Serial): Promise<Organisation | undefined> {
    return this.#deps.storage.read.organisations.find(serial)
  }
}

/** A vendor's name must not be the key by which another organisation is known where it has no such name. */
async function refuseKeyOfOther(stores: Stores, organisation: Organisation, aliases: Aliases): Promise<void> {
  for (const [slot, name] of Object.entries(aliases)) {
    const other = await stores.organisations.findByKey(name)
    if (other && other.serial !== organisation.serial && !(slot in other.aliases)) throw taken(slot)
  }
}

/** The reverse: a new key that is another's vendor name already would lead there. */
async function refuseNameOfOther(stores: Stores, { key, aliases }: Organisation): Promise<void> {
  for (const slot of ORGANISATION_SLOTS)
    if (!(slot in aliases) && (await stores.aliases.find(slot, 0, key))) throw taken('key')
}

function taken(field: string): OtaError {
  return new OtaError('conflict', `Another organisation has this ${field}`, {
    details: { entity: 'organisation', field },
  })
}
