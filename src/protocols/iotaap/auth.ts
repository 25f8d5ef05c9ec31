import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Role, roleAllows } from '../../core/account/account.ts'
import { accountActor } from '../../core/account/account-service.ts'
import type { Id } from '../../core/common.ts'
import type { Core } from '../../core/create-core.ts'
import { OtaError } from '../../core/errors.ts'
import type { Scope } from '../../core/service.ts'
import { discardRest } from '../http/request-body.ts'
import { sendUnauthorized } from './answers.ts'
import { SCHEME } from './scheme.ts'

/** Life of a token, seconds: 30 days. [iotaap 2] */
export const TOKEN_SECONDS = 2_592_000

/** Who calls the account API, in which organisation. */
export interface Caller {
  readonly scope: Scope
  /** Id of the organisation. */
  readonly owner: Id
  readonly role: Role
}

export type Welcome = {
  readonly kind: 'welcome'
  readonly user: { id: Id; role: 'user' | 'admin' }
  readonly token: string
}

/** Logins and bearer tokens of the account API. */
export class Auth {
  readonly #core: Core
  readonly #callers = new WeakMap<FastifyRequest, Caller>()

  constructor(core: Core) {
    this.#core = core
  }

  /** A locked account is told the same as a wrong password. Of several organisations the first one is meant. */
  async login(email: string, password: string): Promise<Welcome | { readonly kind: 'wrong' }> {
    const result = await this.#core.accounts.login(email, password)
    const organisation = result.kind === 'welcome' ? result.organisations[0]?.organisation : undefined
    if (result.kind !== 'welcome' || !organisation) return { kind: 'wrong' }
    const { id: account, generation, isAdministrator } = result.account
    const user = { id: organisation.id, role: isAdministrator ? 'admin' : 'user' } as const
    const token = await this.#core.deps.tokens.sign(SCHEME, { ...user, account, generation }, TOKEN_SECONDS)
    return { kind: 'welcome', user, token }
  }

  /** Hook for routes that need a login: answers 401 before any of the body is read. [iotaap 2] */
  readonly require = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const caller = await this.#identify(request.headers.authorization)
    if (caller) {
      this.#callers.set(request, caller)
      return undefined
    }
    sendUnauthorized(reply)
    discardRest(request.raw)
    return reply
  }

  /** Who calls; only on routes behind `require`. */
  callerOf(request: FastifyRequest): Caller {
    const caller = this.#callers.get(request)
    if (!caller) throw new OtaError('internal', 'A route without a login asked for its caller')
    return caller
  }

  /** As `callerOf`, but throws `forbidden` for those who may only look. */
  operatorOf(request: FastifyRequest): Caller {
    const caller = this.callerOf(request)
    if (!this.mayOperate(caller)) throw new OtaError('forbidden', 'You are not allowed to change this')
    return caller
  }

  mayOperate(caller: Caller): boolean {
    return roleAllows(caller.role, 'operator')
  }

  async #identify(header: string | undefined): Promise<Caller | undefined> {
    const token = /^bearer +([\w.~+/=-]+) *$/i.exec(header ?? '')?.[1]
    if (token === undefined) return undefined
    const { deps } = this.#core
    const verdict = await deps.tokens.verify(SCHEME, token)
    if (verdict.kind !== 'valid') return undefined
    const { id, account: accountId, generation } = verdict.claims
    if (typeof id !== 'string' || typeof accountId !== 'string') return undefined
    const { accounts, memberships, organisations } = deps.storage.read
    const [account, organisation] = await Promise.all([accounts.findById(accountId), organisations.findById(id)])
    if (!account || !organisation || account.generation !== generation) return undefined
    const joined = await memberships.listByAccount(account.serial)
    const role = joined.find((membership) => membership.organisation === organisation.serial)?.role
    if (role === undefined) return undefined
    return { scope: { actor: accountActor(account), organisation: organisation.serial }, owner: organisation.id, role }
  }
}
