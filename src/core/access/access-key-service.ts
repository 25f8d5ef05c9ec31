import type { Id, Serial } from '../common.ts'
import { hashToken } from '../device/secret-hash.ts'
import { notFound } from '../errors.ts'
import { changed, difference, recordFor, type Scope, type ServiceDeps } from '../service.ts'
import { requireText } from '../validate.ts'
import type { AccessGrant, AccessKey, Permission } from './access-key.ts'

export interface AccessKeyInput {
  /** A UUID unless given. */
  readonly key?: string
  /** 128 random bits in UUID shape unless given. */
  readonly secret?: string
  readonly name?: string
  /** For the managing organisation; more can be granted. Default: read. */
  readonly permissions?: readonly Permission[]
  readonly grants?: readonly AccessGrant[]
}

const CONTEXT = 'access-key'

export class AccessKeyService {
  readonly #deps: ServiceDeps

  constructor(deps: ServiceDeps) {
    this.#deps = deps
  }

  /** Returns the clear secret, which can be revealed only by programs that compute with it. */
  async create(scope: Scope, input: AccessKeyInput): Promise<{ accessKey: AccessKey; secret: string }> {
    const { storage, clock, ids, secrets } = this.#deps
    const secret = requireText('secret', input.secret ?? ids.uuid())
    const now = clock.now()
    const own: AccessGrant = { organisation: scope.organisation, permissions: input.permissions ?? ['read'] }
    const accessKey = await storage.transaction(async (stores) => {
      const row = await stores.accessKeys.insert({
        id: ids.id(now),
        createdAt: now,
        organisation: scope.organisation,
        key: requireText('key', input.key ?? ids.uuid()),
        name: input.name ?? '',
        sealedSecret: secrets.seal(secret, CONTEXT),
        grants: [own, ...(input.grants ?? [])],
        disabled: false,
        proofHash: null,
      })
      const subject = { kind: 'access-key', id: row.id }
      const details = { key: row.key, name: row.name, permissions: own.permissions }
      await recordFor(stores, this.#deps, scope, { type: 'access-key.created', subject, details })
      return row
    })
    return { accessKey, secret }
  }

  async update(
    scope: Scope,
    id: Id,
    patch: { name?: string; disabled?: boolean; permissions?: readonly Permission[] },
    ifRevision?: number,
  ): Promise<AccessKey> {
    const { storage } = this.#deps
    return storage.transaction(async (stores) => {
      const before = await stores.accessKeys.findById(scope.organisation, id)
      if (!before) throw notFound('access key', id)
      changed(before.revision === (ifRevision ?? before.revision) ? before : undefined)
      const { permissions, ...rest } = patch
      const grants = before.grants.map((grant) =>
        permissions && grant.organisation === scope.organisation ? { ...grant, permissions } : grant,
      )
      const after = await stores.accessKeys.update(before.serial, { ...rest, grants })
      const subject = { kind: 'access-key', id }
      const old = before.grants.find((grant) => grant.organisation === scope.organisation)?.permissions ?? []
      const details = difference({ ...before, permissions: old }, patch)
      await recordFor(stores, this.#deps, scope, { type: 'access-key.changed', subject, details })
      return after ?? before
    })
  }

  /** Lets the key reach one more organisation, or changes what it may do there. */
  async grant(scope: Scope, id: Id, grant: AccessGrant): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const before = await stores.accessKeys.findById(scope.organisation, id)
      if (!before) throw notFound('access key', id)
      const others = before.grants.filter((one) => one.organisation !== grant.organisation)
      await stores.accessKeys.update(before.serial, { grants: [...others, grant] })
      const subject = { kind: 'access-key', id }
      const organisation = (await stores.organisations.find(grant.organisation))?.key ?? null
      const old = before.grants.find((one) => one.organisation === grant.organisation)
      const details = {
        before: { grant: { organisation, permissions: old?.permissions ?? [] } },
        after: { grant: { organisation, permissions: grant.permissions } },
      }
      await recordFor(stores, this.#deps, scope, { type: 'access-key.changed', subject, details })
    })
  }

  /** A separate proof for callers whose own header proves nothing; returned once. Replaces the one before. */
  async issueProof(scope: Scope, id: Id): Promise<string> {
    const proof = this.#deps.ids.token(40)
    await this.#deps.storage.transaction(async (stores) => {
      const accessKey = await stores.accessKeys.findById(scope.organisation, id)
      if (!accessKey) throw notFound('access key', id)
      await stores.accessKeys.update(accessKey.serial, { proofHash: hashToken(proof) })
      const subject = { kind: 'access-key', id }
      const details = { key: accessKey.key }
      await recordFor(stores, this.#deps, scope, { type: 'access-key.proof-issued', subject, details })
    })
    return proof
  }

  async delete(scope: Scope, id: Id): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const accessKey = await stores.accessKeys.findById(scope.organisation, id)
      if (!accessKey) throw notFound('access key', id)
      await stores.accessKeys.delete(accessKey.serial)
      const subject = { kind: 'access-key', id }
      await recordFor(stores, this.#deps, scope, {
        type: 'access-key.deleted',
        subject,
        details: { key: accessKey.key },
      })
    })
  }

  findByKey(key: string): Promise<AccessKey | undefined> {
    return this.#deps.storage.read.accessKeys.findByKey(key)
  }

  find(serial: Serial): Promise<AccessKey | undefined> {
    return this.#deps.storage.read.accessKeys.find(serial)
  }

  /** The secret in clear, for digests. */
  secretOf(accessKey: AccessKey): string {
    return this.#deps.secrets.open(accessKey.sealedSecret, CONTEXT)
  }
}

/** Whether a key may do `permission` in an organisation; `write` includes the others. */
export function isGranted(accessKey: AccessKey, organisation: Serial, permission: Permission): boolean {
  return accessKey.grants.some(
    (grant) =>
      grant.organisation === organisation &&
      (grant.permissions.includes(permission) || grant.permissions.includes('write')),
  )
}
