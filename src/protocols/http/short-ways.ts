/**
 * The short way: most polls find what the poll before them found, and the life that a framework gives a request costs
 * more than all that is left to do for them. So a protocol may answer such requests in front of the framework, from
 * memory and at once. Whatever is not plain (another form of the path, a header that asks for more, a body that is still
 * on its way) and whatever has no ready answer goes to the framework as if nobody had looked at it: the short way never
 * says anything that the usual way would not say, it only says it sooner.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { ReadyAnswer } from './ready-answer.ts'

/** A question that a protocol may answer in front of the framework, beside the route that answers all of them. */
export interface ShortWay {
  /** Whose answers these are, in the metrics. */
  readonly protocol: string
  /** Of POST only small bodies of JSON come here, whole. */
  readonly method: 'GET' | 'POST'
  /** As it stands on the wire; one that ends in a slash takes all paths below. */
  readonly path: string
  /**
   * What the route would answer now, where that is in memory; all that the route checks and counts is checked and
   * counted here. undefined, and whatever is thrown: the route is asked. `body` is '' for GET.
   */
  answer(request: IncomingMessage, body: string): ReadyAnswer | undefined
}

/** How an answer is counted. */
type Count = (status: number, seconds: number) => void

type Listener = (request: IncomingMessage, response: ServerResponse) => void

interface KnownWay extends ShortWay {
  readonly takesRest: boolean
  readonly count: Count
}

/** Longest body that is looked at; a check has a few hundred bytes. */
export const SHORT_BODY_BYTES = 2_048

/** All short ways of a server. */
export class ShortWays {
  readonly #added: ShortWay[] = []
  #ways: readonly KnownWay[] = []

  /** Called while the routes of a protocol are registered. */
  add(way: ShortWay): void {
    this.#added.push(way)
  }

  /** From now on the framework answers everything: the server stops, and it knows how. */
  end(): void {
    this.#ways = []
  }

  /** Stands in front of the one that answers the server's requests so far; call when all routes are there. */
  attach(server: Pick<Server, 'listeners' | 'removeListener' | 'on'>, countFor: (protocol: string) => Count): void {
    const [framework] = server.listeners('request') as Listener[]
    if (!framework) throw new Error('The server has nobody who answers yet')
    this.#ways = this.#added.map(({ protocol, method, path, answer }) => ({
      protocol,
      method,
      path,
      answer,
      takesRest: path.endsWith('/'),
      count: countFor(protocol),
    }))
    server.removeListener('request', framework)
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const way = this.#find(request)
      if (way === undefined) framework(request, response)
      // The body that came with the head is read by Node right after this call.
      else if (way.method === 'POST') process.nextTick(answerWithBody, way, { request, response, framework })
      else if (!answer(way, { request, response, body: '' })) framework(request, response)
    })
  }

  #find(request: IncomingMessage): KnownWay | undefined {
    const { method, url = '' } = request
    for (const way of this.#ways)
      if (method === way.method && url.startsWith(way.path) && isWhole(url, way))
        return isPlain(request, way) ? way : undefined
    return undefined
  }
}

const QUESTION_MARK = 63

/** Whether a URL that begins with the path is the path, with or without a query. */
function isWhole(url: string, { path: { length }, takesRest }: KnownWay): boolean {
  return takesRest || url.length === length || url.charCodeAt(length) === QUESTION_MARK
}

const JSON_TYPES: ReadonlySet<string | undefined> = new Set(['application/json', 'application/json; charset=utf-8'])

/** No body for GET, a small one of JSON and known length for POST, and nothing to be said before it comes. */
function isPlain({ headers }: IncomingMessage, way: ShortWay): boolean {
  const length = headers['content-length']
  if (headers['transfer-encoding'] !== undefined || headers.expect !== undefined) return false
  if (way.method === 'GET') return length === undefined
  return Number(length) > 0 && Number(length) <= SHORT_BODY_BYTES && JSON_TYPES.has(headers['content-type'])
}

interface Asked {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Whether it was answered. */
function answer(way: KnownWay, { request, response, body }: Asked & { readonly body: string }): boolean {
  const startedAt = performance.now()
  const ready = tryAnswer(way, request, body)
  if (ready === undefined) return false
  response.writeHead(ready.status, ready.headers as string[])
  response.end(ready.body)
  way.count(ready.status, (performance.now() - startedAt) / 1000)
  return true
}

/** What goes wrong here goes wrong again on the usual way, which answers it. */
function tryAnswer(way: ShortWay, request: IncomingMessage, body: string): ReadyAnswer | undefined {
  try {
    return way.answer(request, body)
  } catch {
    return undefined
  }
}

/** Bytes that are no UTF-8 become this; what they were the framework may find out. */
const REPLACED = '\ufffd'

/** Answers when the whole body is there; else, and without a ready answer, the framework finds it untouched. */
function answerWithBody(way: KnownWay, asked: Asked & { readonly framework: Listener }): void {
  const { request, response, framework } = asked
  const isComplete = request.readableLength === Number(request.headers['content-length'])
  const bytes: Buffer | null = isComplete ? request.read() : null
  const body = bytes?.toString() ?? REPLACED
  if (!body.includes(REPLACED) && answer(way, { request, response, body })) {
    // To its end, which is all that is left of it: Node lets go of the request then.
    request.resume()
    return
  }
  if (bytes) request.unshift(bytes)
  framework(request, response)
}
