import type { Id, Serial } from '../common.ts'
import { notFound, OtaError } from '../errors.ts'
import type { Actor } from '../event/event.ts'
import type { Typed } from '../event/event-types.ts'
import { record } from '../event/record.ts'
import type { Organisation } from '../organisation/organisation.ts'
import type { Stores } from '../ports.ts'
import { recordFor, type Scope, type ServiceDeps } from '../service.ts'
import { requireEmail, requirePassword } from '../validate.ts'
import type { Account, Role } from './account.ts'
import { SESSION_TOKEN } from './api-token-service.ts'

export interface AccountInput {
  readonly email: string
  readonly password: string
  readonly isAdministrator?: boolean
}

/** What a login found out. Wrong password and unknown address are one answer and cost the same time. */
export type LoginResult =
  | { readonly kind: 'welcome'; readonly account: Account; readonly organisations: readonly Member[] }
  | { readonly kind: 'wrong' }
  | { readonly kind: 'locked'; readonly until: number }

/** An organisation that an account belongs to. */
export interface Member {
  readonly organisation: Organisation
  readonly role: Role
}

export class AccountService {
  readonly #deps: ServiceDeps

  constructor(deps: ServiceDeps) {
    this.#deps = deps
  }

  /** Throws `conflict` when the address is taken. */
  async create(actor: Actor, input: AccountInput): Promise<Account> {
    const passwordHash = await this.#deps.secrets.hashPassword(requirePassword(input.password))
    return this.#deps.storage.transaction(async (stores) => {
      const now = this.#deps.clock.now()
      const account = await stores.accounts.insert({
        id: this.#deps.ids.id(now),
        createdAt: now,
        email: requireEmail(input.email),
        passwordHash,
        isAdministrator: input.isAdministrator ?? false,
        failedLogins: 0,
        lockedUntil: 0,
        generation: 1,
      })
      const details = { email: account.email, isAdministrator: account.isAdministrator }
      await this.#note(stores, actor, account, { type: 'account.created', details })
      return account
    })
  }

  /**
   * Checks a password. After `loginFailures` wrong ones in a row the account is locked for `lockSeconds`; a locked
   * account is not checked at all, so that the lock cannot be probed.
   */
  async login(email: string, password: string): Promise<LoginResult> {
    const { storage, clock, secrets } = this.#deps
    const account = await storage.read.accounts.findByEmail(email.trim().toLowerCase())
    if (account && clock.now() < account.lockedUntil) return { kind: 'locked', until: account.lockedUntil }
    const isRight = await secrets.verifyPassword(password, account?.passwordHash)
    if (!account) return { kind: 'wrong' }
    if (!isRight) return this.#countFailure(account)
    if (account.failedLogins > 0)
      await storage.transaction((stores) => stores.accounts.update(account.serial, { failedLogins: 0, lockedUntil: 0 }))
    return { kind: 'welcome', account, organisations: await this.organisationsOf(account.serial) }
  }

  /** The failure that reaches the limit is still `wrong`; the next login says `locked`. */
  async #countFailure(account: Account): Promise<LoginResult> {
    const { storage, clock, limits } = this.#deps
    await storage.transaction(async (stores) => {
      const failures = await stores.accounts.countFailure(account.serial)
      if (failures < limits.loginFailures) return
      const lockedUntil = clock.now() + limits.lockSeconds * 1000
      await stores.accounts.update(account.serial, { lockedUntil, failedLogins: 0 })
      const actor = { kind: 'account', id: account.id, name: account.email } as const
      const details = { email: account.email, until: lockedUntil }
      await this.#note(stores, actor, account, { type: 'account.locked', details })
    })
    return { kind: 'wrong' }
  }

  /** Sets a password, unlocks the account and ends every session and signed token of it. */
  async setPassword(actor: Actor, id: Id, password: string): Promise<void> {
    const passwordHash = await this.#deps.secrets.hashPassword(requirePassword(password))
    await this.#deps.storage.transaction(async (stores) => {
      const account = await stores.accounts.findById(id)
      if (!account) throw notFound('account', id)
      const generation = account.generation + 1
      await stores.accounts.update(account.serial, { passwordHash, generation, failedLogins: 0, lockedUntil: 0 })
      const details = { email: account.email, endedLogins: await this.#endSessions(stores, account.serial) }
      await this.#note(stores, actor, account, { type: 'account.password-set', details })
    })
  }

  /** The way out of a lock without waiting. */
  async unlock(actor: Actor, id: Id): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const account = await stores.accounts.findById(id)
      if (!account) throw notFound('account', id)
      await stores.accounts.update(account.serial, { failedLogins: 0, lockedUntil: 0 })
      await this.#note(stores, actor, account, { type: 'account.unlocked', details: { email: account.email } })
    })
  }

  async setRole(scope: Scope, id: Id, role: Role): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const account = await stores.accounts.findById(id)
      if (!account) throw notFound('account', id)
      await refuseLastOwner(stores, scope.organisation, { account: account.serial, role })
      const before = await roleOf(stores, account.serial, scope.organisation)
      await stores.memberships.put({ account: account.serial, organisation: scope.organisation, role })
      const subject = { kind: 'account', id }
      const details = { email: account.email, before, after: role }
      await recordFor(stores, this.#deps, scope, { type: 'membership.set', subject, details })
    })
  }

  async removeMember(scope: Scope, id: Id): Promise<void> {
    await this.#deps.storage.transaction(async (stores) => {
      const account = await stores.accounts.findById(id)
      if (!account) throw notFound('account', id)
      await refuseLastOwner(stores, scope.organisation, { account: account.serial })
      const before = await roleOf(stores, account.serial, scope.organisation)
      await stores.memberships.remove(account.serial, scope.organisation)
      const subject = { kind: 'account', id }
      const details = { email: account.email, before }
      await recordFor(stores, this.#deps, scope, { type: 'membership.removed', subject, details })
    })
  }

  /** In the order in which the organisations were made. */
  async organisationsOf(account: Serial): Promise<Member[]> {
    const { memberships, organisations } = this.#deps.storage.read
    const members: Member[] = []
    for (const { organisation, role } of await memberships.listByAccount(account)) {
      const found = await organisations.find(organisation)
      if (found) members.push({ organisation: found, role })
    }
    return members.sort((a, b) => a.organisation.serial - b.organisation.serial)
  }

  find(serial: Serial): Promise<Account | undefined> {
    return this.#deps.storage.read.accounts.find(serial)
  }

  findById(id: Id): Promise<Account | undefined> {
    return this.#deps.storage.read.accounts.findById(id)
  }

  findByEmail(email: string): Promise<Account | undefined> {
    return this.#deps.storage.read.accounts.findByEmail(email.trim().toLowerCase())
  }

  /** Answers how many there were. */
  async #endSessions(stores: Stores, account: Serial): Promise<number> {
    const now = this.#deps.clock.now()
    const tokens = await stores.apiTokens.listByAccount(account)
    const sessions = tokens.filter((token) => token.name === SESSION_TOKEN && token.revokedAt === null)
    for (const { serial } of sessions) await stores.apiTokens.update(serial, { revokedAt: now })
    return sessions.length
  }

  #note(stores: Stores, actor: Actor, account: Account, event: Typed): Promise<void> {
    const subject = { kind: 'account', id: account.id }
    return record(stores, this.#deps, { organisation: null, actor, subject, ...event })
  }
}

async function roleOf(stores: Stores, account: Serial, organisation: Serial): Promise<Role | null> {
  const memberships = await stores.memberships.listByAccount(account)
  return memberships.find((one) => one.organisation === organisation)?.role ?? null
}

/** An organisation with members keeps at least one owner. */
async function refuseLastOwner(stores: Stores, organisation: Serial, change: { account: Serial; role?: Role }) {
  if (change.role === 'owner') return
  const members = await stores.memberships.listByOrganisation(organisation)
  const owners = members.filter((member) => member.role === 'owner')
  if (owners.length === 1 && owners[0]?.account === change.account)
    throw new OtaError('in-use', 'The last owner of an organisation cannot be removed.')
}

/** The account as the actor of an event. */
export function accountActor(account: Account): Actor {
  return { kind: 'account', id: account.id, name: account.email }
}
