import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { CommandFailure } from '../exit.ts'
import { isJsonObject, type JsonObject } from './json.ts'
import { readProblem, ServerRefusal } from './problem.ts'
import { sendRequest, type WireAnswer, type WireRequest } from './send-request.ts'

const BASE = 'api/godwit/v1'

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

export interface Connection {
  /** With or without a path of its own. */
  readonly server: URL
  readonly token?: string | undefined
  /** Key or id; absent: the account's only one. */
  readonly organisation?: string | undefined
}

export interface SendOptions {
  readonly query?: Query | undefined
  readonly body?: unknown
  /** Refuse unless the thing still has this revision. */
  readonly ifRevision?: number | undefined
}

export interface Upload {
  readonly query?: Query | undefined
  readonly body: AsyncIterable<Uint8Array>
  /** Bytes. */
  readonly size: number
  readonly type: string
}

/** The management API as the commands use it. Whatever is not a success is thrown as `ServerRefusal`. */
export class ApiClient {
  readonly connection: Connection

  constructor(connection: Connection) {
    this.connection = connection
  }

  get(path: string, query?: Query): Promise<JsonObject> {
    return this.#exchange({ method: 'GET', path, query })
  }

  /** Creates something; a connection that breaks is tried once more, and the server makes it once. */
  create(path: string, options: SendOptions = {}): Promise<JsonObject> {
    return this.#exchange({ method: 'POST', path, ...options, key: randomUUID() })
  }

  send(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, options: SendOptions = {}): Promise<JsonObject> {
    return this.#exchange({ method, path, ...options })
  }

  /** Sends bytes as they come. */
  async upload(path: string, upload: Upload): Promise<JsonObject> {
    const headers = {
      ...this.#headers(),
      'content-type': upload.type,
      'content-length': String(upload.size),
      'idempotency-key': randomUUID(),
    }
    const url = this.#url(path, upload.query)
    return readJson(await sendRequest({ method: 'POST', url, headers, body: upload.body }))
  }

  /** The body of a good answer, as a stream that must be read to its end. */
  async download(path: string, query?: Query): Promise<IncomingMessage> {
    const answer = await sendRequest({ method: 'GET', url: this.#url(path, query), headers: this.#headers() })
    if (!isGood(answer)) throw await refusal(answer)
    return answer.body
  }

  async #exchange(call: SendOptions & { method: string; path: string; key?: string }): Promise<JsonObject> {
    const { body, key, ifRevision } = call
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    const wire: WireRequest = {
      method: call.method,
      url: this.#url(call.path, call.query),
      headers: {
        ...this.#headers(),
        ...(bytes && { 'content-type': 'application/json', 'content-length': String(bytes.length) }),
        ...(key !== undefined && { 'idempotency-key': key }),
        ...(ifRevision !== undefined && { 'if-match': `"${ifRevision}"` }),
      },
      ...(bytes && { body: bytes }),
    }
    const mayRepeat = key !== undefined || call.method === 'GET'
    const answer = await sendRequest(wire).catch((error: unknown) => {
      if (mayRepeat && isBroken(error)) return sendRequest(wire)
      throw error
    })
    return readJson(answer)
  }

  #headers(): Record<string, string> {
    const { token, organisation } = this.connection
    return {
      accept: 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(organisation !== undefined && { 'godwit-organisation': organisation }),
    }
  }

  #url(path: string, query: Query = {}): URL {
    const { server } = this.connection
    const prefix = server.pathname.endsWith('/') ? server.pathname : `${server.pathname}/`
    const url = new URL(`${prefix}${BASE}${path}`, server)
    for (const [name, value] of Object.entries(query))
      if (value !== undefined && value !== '') url.searchParams.set(name, String(value))
    return url
  }
}

/** A reference of the user's as one segment of a path. */
export function segment(reference: string): string {
  return encodeURIComponent(reference)
}

function isGood({ status }: WireAnswer): boolean {
  return status >= 200 && status < 300
}

function isBroken(error: unknown): boolean {
  const cause = error instanceof CommandFailure ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && cause.code === 'ECONNRESET'
}

async function readJson(answer: WireAnswer): Promise<JsonObject> {
  if (!isGood(answer)) throw await refusal(answer)
  const text = await textOf(answer.body)
  if (text === '') return {}
  const value = parse(text)
  if (!isJsonObject(value)) throw new CommandFailure('the server did not answer as Godwit does; check --server.')
  return value
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function refusal(answer: WireAnswer): Promise<ServerRefusal> {
  return new ServerRefusal(readProblem(answer.status, await textOf(answer.body)))
}

async function textOf(body: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of body) pieces.push(piece)
  return Buffer.concat(pieces).toString('utf8')
}
