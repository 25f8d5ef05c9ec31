import type { FastifyInstance } from 'fastify'
import { NATIVE } from './names.ts'
import type { Rooms } from './rooms.ts'
import { parse, type Report, reasonOf, reportSchema, reportsSchema } from './schema.ts'
import { toNamedReport, toWireResult, type WireResult } from './translate.ts'

/** `POST /device/v1/reports`: what became of the update; answered after the commit. [native 5] */
export function routeReports(scope: FastifyInstance, rooms: Rooms): void {
  const { host, config, auth } = rooms
  const { gateway } = host.core
  const envelope = reportsSchema(config.reportsPerBatch)

  scope.post('/device/v1/reports', async (request, reply) => {
    const caller = await auth.calls.caller(request)
    const given = parse(envelope, request.body).reports.map(readReport)
    const good = given.filter((one) => one.kind === 'good').map((one) => one.report)
    const taken = good.length === 0 ? [] : await gateway.reportAll(caller, NATIVE, good.map(toNamedReport))
    const answers = good.flatMap((report, index) =>
      taken.slice(index, index + 1).map((one) => toWireResult(report, one)),
    )
    const inTurn = answers.values()
    const results = given.flatMap((one) => (one.kind === 'bad' ? [one.result] : [...inTurn.take(1)]))
    return reply.header('cache-control', 'no-store').send({ results })
  })
}

type Given = { readonly kind: 'good'; readonly report: Report } | { readonly kind: 'bad'; readonly result: WireResult }

/** A report that cannot be read is answered as such: a device that sent it again for ever would help nobody. */
function readReport(value: unknown): Given {
  const parsed = reportSchema.safeParse(value)
  if (parsed.success) return { kind: 'good', report: parsed.data }
  const id =
    typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string' ? value.id : null
  return {
    kind: 'bad',
    result: { id: id?.slice(0, 64) ?? null, result: 'ignored', why: 'invalid', detail: reasonOf(parsed.error) },
  }
}
