import type { Id, Labels, Millis, Serial } from '../common.ts'
import { notFound } from '../errors.ts'
import type { Stores } from '../ports.ts'
import { recordFor, type Scope, type ServiceDeps } from '../service.ts'
import type { Credential } from './device.ts'
import { hashToken } from './secret-hash.ts'

export interface CredentialInput {
  readonly scheme: string
  /** The token or secret in clear; made by the caller. Absent for schemes with public facts only. */
  readonly secret?: string
  /** Keep the secret recoverable, because the protocol shows it or computes with it. */
  readonly recoverable?: boolean
  readonly details?: Labels
  /** 1 unless given. */
  readonly generation?: number
}

export type CredentialOwner = { readonly device: Serial } | { readonly group: Serial }

/** Credentials of devices and groups: set, rotate with overlap, reveal where a protocol must show them. */
export class CredentialService {
  readonly #deps: ServiceDeps

  constructor(deps: ServiceDeps) {
    this.#deps = deps
  }

  /** A new row, ready for a (bulk) insert. Secrets that are not recoverable are kept as SHA-256 alone. */
  row(organisation: Serial, owner: CredentialOwner, input: CredentialInput) {
    const now = this.#deps.clock.now()
    const { secret } = input
    return {
      id: this.#deps.ids.id(now),
      createdAt: now,
      organisation,
      device: 'device' in owner ? owner.device : null,
      group: 'group' in owner ? owner.group : null,
      scheme: input.scheme,
      hash: secret === undefined ? null : hashToken(secret),
      sealed:
        secret !== undefined && input.recoverable ? this.#deps.secrets.seal(secret, contextOf(input.scheme)) : null,
      generation: input.generation ?? 1,
      expiresAt: null,
      details: input.details ?? {},
    } satisfies Omit<Credential, 'serial' | 'revision'>
  }

  /** Inserts a credential in the caller's transaction, with its event. */
  async add(stores: Stores, scope: Scope, owner: CredentialOwner, input: CredentialInput): Promise<Credential> {
    const credential = await stores.credentials.insert(this.row(scope.organisation, owner, input))
    const subject = { kind: 'credential', id: credential.id }
    const details = { scheme: input.scheme, ...(await ownerId(stores, owner)) }
    await recordFor(stores, this.#deps, scope, { type: 'credential.added', subject, details })
    return credential
  }

  /**
   * Replaces the owner's credential of the scheme. The old one is good for `overlapSeconds` more (default: the limit
   * `rotationOverlapSeconds`; 0 = at once), so that a device can be told the new one first. The generation is carried
   * over, so that signed tokens which were revoked stay so.
   */
  async rotate(
    scope: Scope,
    owner: CredentialOwner,
    input: CredentialInput,
    overlapSeconds = this.#deps.limits.rotationOverlapSeconds,
  ): Promise<Credential> {
    const expiresAt: Millis = this.#deps.clock.now() + overlapSeconds * 1000
    return this.#deps.storage.transaction(async (stores) => {
      const old = await listByOwner(stores, owner, input.scheme)
      for (const credential of old) {
        if (overlapSeconds <= 0) await stores.credentials.delete(credential.serial)
        else if (credential.expiresAt === null || credential.expiresAt > expiresAt)
          await stores.credentials.update(credential.serial, { expiresAt })
      }
      const generation = Math.max(1, ...old.map((credential) => credential.generation))
      return this.add(stores, scope, owner, { ...input, generation })
    })
  }

  /** Takes the owner's credentials of a scheme away, at once. Throws `not-found` when there is none. */
  async remove(scope: Scope, owner: CredentialOwner, scheme: string): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const credentials = await listByOwner(stores, owner, scheme)
      if (credentials.length === 0) throw notFound('credential', scheme)
      const details = { scheme, ...(await ownerId(stores, owner)) }
      for (const credential of credentials) {
        await stores.credentials.delete(credential.serial)
        const subject = { kind: 'credential', id: credential.id }
        await recordFor(stores, this.#deps, scope, { type: 'credential.removed', subject, details })
      }
    })
  }

  /** Refuses every signed token that was issued before. */
  async revokeSigned(scope: Scope, owner: CredentialOwner, scheme: string): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const credentials = await listByOwner(stores, owner, scheme)
      if (credentials.length === 0) throw notFound('credential', scheme)
      const generation = 1 + Math.max(...credentials.map((credential) => credential.generation))
      const details = { scheme, ...(await ownerId(stores, owner)) }
      for (const credential of credentials) {
        await stores.credentials.update(credential.serial, { generation })
        const subject = { kind: 'credential', id: credential.id }
        await recordFor(stores, this.#deps, scope, { type: 'credential.revoked', subject, details })
      }
    })
  }

  /** The secret in clear. Throws `not-found` when it was not kept recoverable. */
  reveal(credential: Credential): string {
    if (credential.sealed === null) throw notFound('recoverable secret', credential.id)
    return this.#deps.secrets.open(credential.sealed, contextOf(credential.scheme))
  }
}

async function ownerId(stores: Stores, owner: CredentialOwner): Promise<{ device?: Id } | { group?: Id }> {
  const row = 'device' in owner ? await stores.devices.find(owner.device) : await stores.groups.find(owner.group)
  if (row === undefined) return {}
  return 'device' in owner ? { device: row.id } : { group: row.id }
}

function contextOf(scheme: string): string {
  return `credential/${scheme}`
}

function listByOwner(stores: Stores, owner: CredentialOwner, scheme: string): Promise<Credential[]> {
  return 'device' in owner
    ? stores.credentials.listByDevice(owner.device, scheme)
    : stores.credentials.listByGroup(owner.group, scheme)
}
