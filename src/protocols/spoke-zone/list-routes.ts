import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Core } from '../../core/create-core.ts'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import type { Organisation } from '../../core/organisation/organisation.ts'
import { SCHEME } from './access-token.ts'
import type { Auth } from './auth.ts'
import { deviceFiles, userFiles } from './library.ts'
import { parseListQuery, type RawQuery } from './list-query.ts'
import type { OtaFile } from './ota-file.ts'
import { type RenderedList, RenderedLists } from './rendered-lists.ts'
import { selectFiles } from './select-files.ts'
import { type Dialect, toWireFile } from './translate.ts'

/** Setting of an organisation whose clients cast ids to numbers. [spoke-zone 3.A] */
const NUMERIC_IDS = 'spoke-zone/numeric-ids'

export function usesNumericIds(organisation: Organisation): boolean {
  return organisation.settings[NUMERIC_IDS] === true
}

type ListRequest = FastifyRequest<{ Querystring: RawQuery }>

/** The list of one version of the API: what every device polls. [spoke-zone 3.A] [spoke-zone 3.D] */
export function routeList(scope: FastifyInstance, core: Core, options: { auth: Auth; dialect: Dialect }): void {
  const { auth, dialect } = options
  const numeric = new RenderedLists()
  const textual = new RenderedLists()

  /** What most polls get: the list that another device of the product was given. */
  function recallList(request: ListRequest): RenderedList | undefined {
    const facts = auth.recall(request)
    const catalogue = facts && core.gateway.recallCatalogue(facts, SCHEME)
    return catalogue && listsOf(facts).get(catalogue, queryStringOf(request))
  }

  const listsOf = ({ organisation }: DeviceFacts) => (usesNumericIds(organisation) ? numeric : textual)

  async function listForDevice(facts: DeviceFacts, request: ListRequest): Promise<RenderedList> {
    const catalogue = await core.gateway.catalogue(facts, SCHEME)
    const numericIds = usesNumericIds(facts.organisation)
    const known = listsOf(facts)
    const question = queryStringOf(request)
    const answer = known.get(catalogue, question)
    if (answer !== undefined) return answer
    const files = deviceFiles(facts, catalogue)
    const list = render(files, request.query, { dialect, numericIds })
    // A file is missing when its module is younger than the facts: right for this answer, not for later ones.
    if (files.length === catalogue.length) known.keep(catalogue, question, list)
    return list
  }

  scope.get<{ Querystring: RawQuery }>(dialect.listPath, (request, reply) => {
    const list = recallList(request)
    if (list === undefined) return answer(request, reply)
    send(reply, list)
    return undefined
  })

  async function answer(request: ListRequest, reply: FastifyReply): Promise<FastifyReply> {
    const caller = await auth.caller(request)
    const list =
      caller.kind === 'device'
        ? await listForDevice(caller.facts, request)
        : render(await userFiles(core, caller.organisation.serial), request.query, {
            dialect,
            numericIds: usesNumericIds(caller.organisation),
          })
    return send(reply, list)
  }
}

function send(reply: FastifyReply, list: RenderedList): FastifyReply {
  reply.header('content-type', 'application/json; charset=utf-8')
  reply.header('cache-control', 'no-store')
  reply.header('x-total-count', list.total)
  return reply.send(list.body)
}

function render(
  files: readonly OtaFile[],
  raw: RawQuery,
  wire: { readonly dialect: Dialect; readonly numericIds: boolean },
): RenderedList {
  const query = parseListQuery(raw)
  const isActive = query.isActive ?? (wire.dialect.listsActiveOnly || undefined)
  const { page, total } = selectFiles(files, isActive === undefined ? query : { ...query, isActive })
  const body = JSON.stringify(page.map((file) => toWireFile(file, wire.dialect, wire.numericIds)))
  return { body, total: String(total) }
}

function queryStringOf(request: ListRequest): string {
  const { url } = request
  const start = url.indexOf('?')
  return start === -1 ? '' : url.slice(start)
}
