import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Id, Millis, TimeSlice } from '../../core/common.ts'
import { JSON_TYPE } from './answers.ts'
import type { ListRequest } from './schema.ts'

/** Rows read, and held in memory, at one time. */
const BATCH = 1_000

/** Reads the rows of a list request batch by batch, in few queries and bounded memory. */
export async function* inBatches<T>(
  request: Pick<ListRequest, 'offset' | 'limit' | 'order'>,
  read: (slice: TimeSlice) => Promise<readonly T[]>,
  placeOf: (row: T) => { readonly at: Millis; readonly id: Id },
): AsyncGenerator<readonly T[]> {
  const { order } = request
  let left = request.limit
  let from: Pick<TimeSlice, 'after' | 'offset'> = { offset: request.offset }
  while (left > 0) {
    const limit = Math.min(left, BATCH)
    const rows = await read({ limit, order, ...from })
    if (rows.length > 0) yield rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < limit) return
    left -= rows.length
    from = { after: placeOf(last) }
  }
}

/** One page of a list, with the counts that DataTables wants. [iotaap 3.2] */
export interface ListPage {
  /** Name of the array. */
  readonly key: string
  readonly batches: AsyncIterator<readonly object[]>
  /** All rows of the organisation, or of the group. */
  readonly total: number
  /** Rows that match the search, before offset and limit. */
  readonly filtered: number
  readonly draw: string | undefined
}

/** Sends a short list as one text and a long one as a stream; what fails at first still gets an error reply. */
export async function sendList(reply: FastifyReply, page: ListPage): Promise<FastifyReply> {
  const first = await page.batches.next()
  const second = first.done === true ? first : await page.batches.next()
  const head = `{${JSON.stringify(page.key)}:[`
  const { total: recordsTotal, filtered: recordsFiltered, draw } = page
  const tail = `],${JSON.stringify({ recordsTotal, recordsFiltered, draw }).slice(1)}`
  const opening = head + (first.done === true ? '' : rowsOf(first.value))
  reply.header('content-type', JSON_TYPE)
  if (second.done === true) return reply.send(opening + tail)
  const { value } = second
  return reply.send(Readable.from(remaining()))

  async function* remaining(): AsyncGenerator<string> {
    yield `${opening},${rowsOf(value)}`
    for (let next = await page.batches.next(); next.done !== true; next = await page.batches.next())
      yield `,${rowsOf(next.value)}`
    yield tail
  }
}

function rowsOf(rows: readonly object[]): string {
  return rows.map((row) => JSON.stringify(row)).join(',')
}
