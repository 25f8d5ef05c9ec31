import type { FastifyReply } from 'fastify'
import { type ReadyAnswer, readyAnswer, sendReady } from '../http/ready-answer.ts'

const JSON_TYPE = 'application/json; charset=utf-8'

/** [enos 3.1] `data` is JSON text. No reply may hold a key named like the core SDK's status marker [enos 2.5]. */
export function toData(requestId: string, data: string): ReadyAnswer {
  return readyAnswer(
    200,
    ['content-type', JSON_TYPE],
    `{"code":0,"msg":"OK","requestId":"${requestId}","data":${data}}`,
  )
}

export function sendData(reply: FastifyReply, requestId: string, data: string): FastifyReply {
  return sendReady(reply, toData(requestId, data))
}

export interface Refusal {
  readonly code: number
  readonly message: string
  readonly status: number
}

/** [enos 3.1] a business error, HTTP 200 unless the transport is at fault */
export function sendRefusal(reply: FastifyReply, requestId: string, refusal: Refusal): FastifyReply {
  const { code, message, status } = refusal
  return reply
    .code(status)
    .type(JSON_TYPE)
    .send(JSON.stringify({ code, msg: message, requestId, data: null }))
}

/** [enos 2.2] replies of the token service have `status` in place of `code` */
export function sendTokenReply(reply: FastifyReply, answer: { status: number; msg: string; data: object | null }) {
  const { status, msg, data } = answer
  return reply.type(JSON_TYPE).send(JSON.stringify({ status, msg, business: 'apim-token-service', data }))
}

export interface DeviceAnswer {
  readonly status?: number
  readonly body: object
  readonly headers?: Readonly<Record<string, string>>
}

/** [enos 6] replies to devices */
export function sendToDevice(reply: FastifyReply, { status = 200, body, headers }: DeviceAnswer): FastifyReply {
  if (headers !== undefined) reply.headers(headers)
  return reply.code(status).type(JSON_TYPE).send(JSON.stringify(body))
}
