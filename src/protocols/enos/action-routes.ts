import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isGranted } from '../../core/access/access-key-service.ts'
import type { Core } from '../../core/create-core.ts'
import { OtaError } from '../../core/errors.ts'
import { FleetCache } from '../../core/fleet-cache.ts'
import type { Organisation } from '../../core/organisation/organisation.ts'
import type { AddressedRequest } from '../http/client-address.ts'
import type { ProtocolHost } from '../http/protocol.ts'
import type { ReadyAnswer } from '../http/ready-answer.ts'
import { type Action, type Actions, scopeOf } from './call.ts'
import type { Caller, CallerAuth, IncomingCall } from './caller.ts'
import type { EnosConfig } from './config.ts'
import { sendData, toData } from './envelope.ts'
import { denied, invalidArgument } from './errors.ts'
import { ENOS, SLOT } from './names.ts'
import { parseRawQuery } from './raw-query.ts'
import { bodyBytes } from './request-bytes.ts'

const ORGANISATIONS = 10_000

export interface ActionRouter {
  /** Serves `?action=<name>&orgId=...` of a path by its table of actions. */
  route(path: string, actions: Actions): void
}

/** A request of the framework's, or of Node's. */
type Asking = AddressedRequest & { readonly url?: string | undefined }

/** [enos 3.1] Authentication, then action, then organisation and permission, then the action's own checks. */
export function createActionRouter(
  scope: FastifyInstance,
  host: ProtocolHost,
  options: { readonly auth: CallerAuth; readonly config: EnosConfig },
): ActionRouter {
  const { core } = host
  const organisations = new FleetCache<string, Organisation>(core.deps.storage, ORGANISATIONS)

  /** What a signed read gets whose caller, organisation and answer are in memory; it takes the same steps as any. */
  function recall(request: Asking, actions: Actions): ReadyAnswer | undefined {
    const caller = options.auth.recall(incoming(request))
    if (!caller) return undefined
    const action = actionOf(actions, caller.parameters)
    const organisation = action.recall && organisations.recall(caller.parameters.get('orgId') ?? '')
    if (!organisation || !isGranted(caller.accessKey, organisation.serial, action.permission)) return undefined
    const data = action.recall?.({ organisation, parameters: caller.parameters })
    return data === undefined ? undefined : toData(core.deps.ids.uuid(), data)
  }

  function incoming(request: Asking, body?: Uint8Array): IncomingCall {
    return {
      headers: request.headers,
      query: parseRawQuery(request.url ?? ''),
      ...(body && { body }),
      address: () => host.clientAddress(request),
    }
  }

  async function answer(request: FastifyRequest, reply: FastifyReply, actions: Actions): Promise<FastifyReply> {
    const caller = await options.auth.authenticate(
      incoming(request, request.method === 'POST' ? bodyBytes(request) : undefined),
    )
    const action = actionOf(actions, caller.parameters)
    requireMethod(request, caller.parameters, { action, config: options.config })
    if (action.changes && !action.usesLate) await useOnce(core, caller)
    const organisation = await granted(caller, action)
    const data = await action.run({
      request,
      organisation,
      scope: scopeOf(caller.accessKey, organisation),
      parameters: caller.parameters,
      useOnce: () => useOnce(core, caller),
    })
    return sendData(reply, core.deps.ids.uuid(), data)
  }

  async function granted(caller: Caller, action: Action): Promise<Organisation> {
    const orgId = caller.parameters.get('orgId')
    if (orgId === undefined || orgId === '') throw invalidArgument('orgId', 'orgId is missing')
    const organisation = await organisations.get(orgId, () => core.organisations.findByAlias(SLOT.orgId, orgId))
    if (!organisation) throw invalidArgument('orgId', '  orgId does not exist')
    if (!isGranted(caller.accessKey, organisation.serial, action.permission)) throw denied(orgId)
    return organisation
  }

  return {
    route(path, actions) {
      host.shortWays.add({ protocol: ENOS, method: 'GET', path, answer: (request) => recall(request, actions) })
      scope.route({
        method: ['GET', 'POST'],
        url: path,
        handler: (request, reply) => answer(request, reply, actions),
      })
    },
  }
}

function actionOf(actions: Actions, parameters: ReadonlyMap<string, string>): Action {
  const name = parameters.get('action')
  if (name === undefined || name === '') throw invalidArgument('action', 'action is missing')
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined
  if (action === undefined) throw invalidArgument('action', 'action does not exist')
  return action
}

/** Quirk: the vendor's Python sample deletes a firmware by GET [enos 3.1]; refused unless configured, pinned by row 20. */
function requireMethod(
  request: FastifyRequest,
  parameters: ReadonlyMap<string, string>,
  { action, config }: { action: Action; config: EnosConfig },
): void {
  if (!action.changes || request.method === 'POST') return
  if (parameters.get('action') === 'delete' && request.method === 'GET' && config.allowGetDelete) return
  throw invalidArgument('action', 'must be sent by POST')
}

async function useOnce(core: Core, caller: Caller): Promise<void> {
  if (caller.use === undefined || (await core.accessTokens.useOnce(caller.use))) return
  throw new OtaError('replayed', 'This signature was used before.')
}
