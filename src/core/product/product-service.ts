import type { Aliases, Id, Serial } from '../common.ts'
import { claimAliases } from '../device/claim-aliases.ts'
import { notFound, OtaError } from '../errors.ts'
import type { Stores } from '../ports.ts'
import { changed, difference, recordFor, type Scope, type ServiceDeps } from '../service.ts'
import { requireKey, requireSerial, requireText } from '../validate.ts'
import type { Module, Product } from './product.ts'

export interface ModuleInput {
  readonly key: string
  readonly name?: string
  readonly id?: Id
  readonly serial?: Serial
}

export interface ProductInput {
  readonly key: string
  readonly name?: string
  readonly id?: Id
  /** A fixed number, for devices that know it. */
  readonly serial?: Serial
  readonly distribution?: Product['distribution']
  readonly downgrades?: Product['downgrades']
  readonly aliases?: Aliases
  /** The first is the primary one; `main` when none is named. */
  readonly modules?: readonly ModuleInput[]
}

export type ProductPatch = Partial<Pick<Product, 'name' | 'distribution' | 'downgrades' | 'aliases'>>

export class ProductService {
  readonly #deps: ServiceDeps

  constructor(deps: ServiceDeps) {
    this.#deps = deps
  }

  /** Throws `conflict` when key, id or number is taken. */
  async create(scope: Scope, input: ProductInput): Promise<{ product: Product; modules: readonly Module[] }> {
    const { storage, clock, ids } = this.#deps
    requireKey('key', input.key)
    return storage.transaction(async (stores) => {
      const now = clock.now()
      const product = await stores.products.insert({
        id: input.id ?? ids.id(now),
        createdAt: now,
        organisation: scope.organisation,
        key: input.key,
        name: requireText('name', input.name ?? input.key),
        distribution: input.distribution ?? 'catalogue',
        downgrades: input.downgrades ?? 'guarded',
        aliases: input.aliases ?? {},
        ...(input.serial !== undefined && { serial: requireSerial('number', input.serial) }),
      })
      await this.#claim(stores, product, product.aliases)
      const modules: Module[] = []
      for (const module of input.modules?.length ? input.modules : [{ key: 'main' }])
        modules.push(await this.#insertModule(stores, product, { module, isPrimary: modules.length === 0 }))
      const subject = { kind: 'product', id: product.id }
      const { key, distribution } = product
      const details = { key, distribution, modules: modules.map((module) => module.key) }
      await recordFor(stores, this.#deps, scope, { type: 'product.created', subject, details })
      return { product, modules }
    })
  }

  async update(scope: Scope, reference: string, patch: ProductPatch, ifRevision?: number): Promise<Product> {
    return this.#deps.storage.transaction(async (stores) => {
      const before = await findProduct(stores, scope.organisation, reference)
      if (patch.name !== undefined) requireText('name', patch.name)
      if (patch.aliases) await this.#claim(stores, before, patch.aliases)
      const after = changed(await stores.products.update(before.serial, patch, ifRevision))
      const subject = { kind: 'product', id: before.id }
      await recordFor(stores, this.#deps, scope, {
        type: 'product.changed',
        subject,
        details: difference(before, patch),
      })
      return after
    })
  }

  /** Throws `in-use` while devices, firmware, releases or rollouts refer to it. */
  async delete(scope: Scope, reference: string): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const product = await findProduct(stores, scope.organisation, reference)
      await stores.aliases.release('product', product.serial)
      await stores.products.delete(product.serial)
      const subject = { kind: 'product', id: product.id }
      await recordFor(stores, this.#deps, scope, { type: 'product.deleted', subject, details: { key: product.key } })
    })
  }

  async addModule(scope: Scope, product: string, input: ModuleInput): Promise<Module> {
    return this.#deps.storage.transaction(async (stores) => {
      const owner = await findProduct(stores, scope.organisation, product)
      const module = await this.#insertModule(stores, owner, { module: input, isPrimary: false })
      const subject = { kind: 'module', id: module.id }
      const details = { key: module.key, product: owner.id }
      await recordFor(stores, this.#deps, scope, { type: 'module.created', subject, details })
      return module
    })
  }

  async updateModule(
    scope: Scope,
    target: { readonly product: string; readonly module: string },
    patch: { readonly name: string },
    ifRevision?: number,
  ): Promise<Module> {
    return this.#deps.storage.transaction(async (stores) => {
      const owner = await findProduct(stores, scope.organisation, target.product)
      const before = await findModule(stores, owner.serial, target.module)
      requireText('name', patch.name)
      const after = changed(await stores.modules.update(before.serial, patch, ifRevision))
      const subject = { kind: 'module', id: before.id }
      await recordFor(stores, this.#deps, scope, {
        type: 'module.changed',
        subject,
        details: difference(before, patch),
      })
      return after
    })
  }

  /** Throws `in-use` while firmware or running versions refer to it, and for the primary module. */
  async deleteModule(scope: Scope, product: string, key: string): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const owner = await findProduct(stores, scope.organisation, product)
      const module = await findModule(stores, owner.serial, key)
      if (module.isPrimary) throw new OtaError('in-use', 'The primary module goes only with its product.')
      await stores.modules.delete(module.serial)
      const subject = { kind: 'module', id: module.id }
      const details = { key, product: owner.id }
      await recordFor(stores, this.#deps, scope, { type: 'module.deleted', subject, details })
    })
  }

  get(organisation: Serial, reference: string): Promise<Product> {
    return findProduct(this.#deps.storage.read, organisation, reference)
  }

  modules(product: Serial): Promise<Module[]> {
    return this.#deps.storage.read.modules.listByProduct(product)
  }

  /** By a vendor's name for it, else by its key where it has none. */
  async findByAlias(organisation: Serial, slot: string, name: string): Promise<Product | undefined> {
    const { aliases, products } = this.#deps.storage.read
    const alias = await aliases.find(slot, organisation, name)
    if (alias) return products.find(alias.owner)
    const byKey = await products.findByKey(organisation, name)
    return byKey && !(slot in byKey.aliases) ? byKey : undefined
  }

  /** As `findByAlias`, in every organisation: for devices that do not name theirs. At most `limit`. */
  async listByAliasOnServer(slot: string, name: string, limit = 100): Promise<Product[]> {
    const { aliases, products } = this.#deps.storage.read
    const named = await aliases.findInAllScopes(slot, name, limit)
    const found = await Promise.all(named.map((alias) => products.find(alias.owner)))
    const byKey = await products.listByKeyOnServer(name, limit)
    return [...found.filter((one) => one !== undefined), ...byKey.filter((one) => !(slot in one.aliases))].slice(
      0,
      limit,
    )
  }

  #claim(stores: Stores, product: Product, aliases: Aliases): Promise<void> {
    return claimAliases(stores, { kind: 'product', owner: product.serial, scope: product.organisation }, aliases)
  }

  #insertModule(stores: Stores, product: Product, what: { module: ModuleInput; isPrimary: boolean }): Promise<Module> {
    const { module } = what
    const now = this.#deps.clock.now()
    return stores.modules.insert({
      id: module.id ?? this.#deps.ids.id(now),
      createdAt: now,
      organisation: product.organisation,
      product: product.serial,
      key: requireKey('key', module.key),
      name: requireText('name', module.name ?? module.key),
      isPrimary: what.isPrimary,
      ...(module.serial !== undefined && { serial: requireSerial('number', module.serial) }),
    })
  }
}

/** By key or id, within the organisation. Throws `not-found`. */
export async function findProduct(stores: Stores, organisation: Serial, reference: string): Promise<Product> {
  const product =
    (await stores.products.findByKey(organisation, reference)) ??
    (await stores.products.findById(organisation, reference))
  if (!product) throw notFound('product', reference)
  return product
}

/** By key; the primary module when `key` is undefined. Throws `not-found`. */
export async function findModule(stores: Stores, product: Serial, key?: string): Promise<Module> {
  const modules = await stores.modules.listByProduct(product)
  const module = modules.find((one) => (key === undefined ? one.isPrimary : one.key === key))
  if (!module) throw notFound('module', key ?? 'primary')
  return module
}
