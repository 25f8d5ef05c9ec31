import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { DeviceFacts } from '../../core/device/device-facts.ts'
import type { Organisation } from '../../core/organisation/organisation.ts'
import type { ProtocolHost } from '../http/protocol.ts'
import { type ReadyAnswer, readyAnswer, sendReady } from '../http/ready-answer.ts'
import { SCHEME } from './access-token.ts'
import type { Auth } from './auth.ts'
import { deviceFiles, userFiles } from './library.ts'
import { parseListQuery, type RawQuery } from './list-query.ts'
import type { OtaFile } from './ota-file.ts'
import { RenderedLists } from './rendered-lists.ts'
import { selectFiles } from './select-files.ts'
import { type Dialect, toWireFile } from './translate.ts'

/** Setting of an organisation whose clients cast ids to numbers. [spoke-zone 3.A] */
const NUMERIC_IDS = 'spoke-zone/numeric-ids'

export function usesNumericIds(organisation: Organisation): boolean {
  return organisation.settings[NUMERIC_IDS] === true
}

const JSON_TYPE = 'application/json; charset=utf-8'

type ListRequest = FastifyRequest<{ Querystring: RawQuery }>

/** The list of one version of the API: what every device polls. [spoke-zone 3.A] [spoke-zone 3.D] */
export function routeList(
  scope: FastifyInstance,
  { core, shortWays }: Pick<ProtocolHost, 'core' | 'shortWays'>,
  { auth, dialect }: { readonly auth: Auth; readonly dialect: Dialect },
): void {
  const numeric = new RenderedLists()
  const textual = new RenderedLists()

  // What most polls get: the list that another device of the product was given.
  shortWays.add({
    protocol: SCHEME,
    method: 'GET',
    path: dialect.listPath,
    answer(request) {
      const facts = auth.recall(request)
      const catalogue = facts && core.gateway.recallCatalogue(facts, SCHEME)
      const list = catalogue && listsOf(facts).get(catalogue, queryStringOf(request.url ?? ''))
      if (list) core.gateway.seen(facts.device.serial)
      return list
    },
  })

  const listsOf = ({ organisation }: DeviceFacts) => (usesNumericIds(organisation) ? numeric : textual)

  async function listForDevice(facts: DeviceFacts, request: ListRequest): Promise<ReadyAnswer> {
    const catalogue = await core.gateway.catalogue(facts, SCHEME)
    const numericIds = usesNumericIds(facts.organisation)
    const known = listsOf(facts)
    const question = queryStringOf(request.url)
    const answer = known.get(catalogue, question)
    if (answer !== undefined) return answer
    const files = deviceFiles(facts, catalogue)
    const list = render(files, request.query, { dialect, numericIds })
    // A file is missing when its module is younger than the facts: right for this answer, not for later ones.
    if (files.length === catalogue.length) known.keep(catalogue, question, list)
    return list
  }

  scope.get<{ Querystring: RawQuery }>(dialect.listPath, async (request, reply) => {
    const caller = await auth.caller(request)
    const list =
      caller.kind === 'device'
        ? await listForDevice(caller.facts, request)
        : render(await userFiles(core, caller.organisation.serial), request.query, {
            dialect,
            numericIds: usesNumericIds(caller.organisation),
          })
    return sendReady(reply, list)
  })
}

function render(
  files: readonly OtaFile[],
  raw: RawQuery,
  wire: { readonly dialect: Dialect; readonly numericIds: boolean },
): ReadyAnswer {
  const query = parseListQuery(raw)
  const isActive = query.isActive ?? (wire.dialect.listsActiveOnly || undefined)
  const { page, total } = selectFiles(files, isActive === undefined ? query : { ...query, isActive })
  const body = JSON.stringify(page.map((file) => toWireFile(file, wire.dialect, wire.numericIds)))
  const headers = ['content-type', JSON_TYPE, 'cache-control', 'no-store', 'x-total-count', String(total)]
  return readyAnswer(200, headers, body)
}

function queryStringOf(url: string): string {
  const start = url.indexOf('?')
  return start === -1 ? '' : url.slice(start)
}
