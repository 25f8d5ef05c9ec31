import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'

/** Who answers what no route answers, for a part of the URL space: one per wire protocol, and Godwit's own. */
export interface Owner {
  readonly name: string
  /** `segments`: path segments, percent-decoded where possible, without empty ones. `method` in upper case. */
  claims(segments: readonly string[], method: string): boolean
  notFound(request: FastifyRequest, reply: FastifyReply): unknown
  /** The path exists, the method does not. `allowed` is sorted and not empty; the Allow header is the owner's to set. */
  methodNotAllowed(request: FastifyRequest, reply: FastifyReply, allowed: readonly string[]): unknown
  /** The request cannot be routed: broken percent-encoding. */
  badRequest(request: FastifyRequest, reply: FastifyReply, error: FastifyError): unknown
  /** Any error that none of the owner's own plugins has answered. */
  onError(error: unknown, request: FastifyRequest, reply: FastifyReply): unknown
}

/**
 * Claims by leading path segments, most specific owners first in the dispatcher's list. Each rule is
 * `[METHOD ]segment/segment/...`, where `*` stands for any one segment: `v1`, `api/v2`, `POST login`, `* /controller`
 * (without the blank).
 */
export function claimsPaths(...rules: readonly string[]): Owner['claims'] {
  const compiled = rules.map(compileRule)
  return (segments, method) => compiled.some((rule) => rule(segments, method))
}

function compileRule(rule: string): Owner['claims'] {
  const [first = '', second] = rule.split(' ')
  const wanted = (second ?? first).split('/')
  const onlyMethod = second === undefined ? undefined : first
  return (segments, method) =>
    (onlyMethod === undefined || onlyMethod === method) &&
    wanted.every((name, index) => segments[index] !== undefined && (name === '*' || name === segments[index]))
}
