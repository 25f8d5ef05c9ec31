import { escapeRegExp } from './escape-regexp.ts'
import { pathSegments } from './request-path.ts'

interface Pattern {
  readonly segments: readonly RegExp[]
  /** The pattern ends in `*`: any further segments match. */
  readonly isOpen: boolean
  readonly methods: Set<string>
}

/** Which methods exist for a URL: Fastify can tell that a route is missing, not what else the path would take. */
export class MethodTable {
  readonly #patterns = new Map<string, Pattern>()

  /** `pattern` in Fastify's syntax: `/a/:b/:file(^\\d+$).bin/*`. */
  add(pattern: string, methods: readonly string[]): void {
    const known = this.#patterns.get(pattern)
    if (known !== undefined) {
      for (const method of methods) known.methods.add(method)
      return
    }
    const names = splitPattern(pattern)
    const isOpen = names.at(-1) === '*'
    this.#patterns.set(pattern, {
      segments: (isOpen ? names.slice(0, -1) : names).map(segmentExpression),
      isOpen,
      methods: new Set(methods),
    })
  }

  /** Sorted methods of all routes that match the path of `url`; empty when there is none. */
  allowed(url: string): string[] {
    const segments = pathSegments(url)
    const methods = new Set<string>()
    for (const pattern of this.#patterns.values()) {
      if (!matches(pattern, segments)) continue
      for (const method of pattern.methods) methods.add(method)
    }
    return [...methods].sort()
  }
}

function matches(pattern: Pattern, segments: readonly string[]): boolean {
  const fits = pattern.isOpen ? segments.length >= pattern.segments.length : segments.length === pattern.segments.length
  return fits && pattern.segments.every((expression, index) => expression.test(segments[index] ?? ''))
}

/** Splits at slashes outside parentheses: an inline expression may contain one. */
function splitPattern(pattern: string): string[] {
  return (pattern.match(/(?:\((?:[^()]|\([^()]*\))*\)|[^/])+/g) ?? []).filter((segment) => segment !== '')
}

const TOKEN = /::|:(?<name>[A-Za-z0-9_]+)(?:\((?<expression>(?:[^()]|\([^()]*\))*)\))?\??|\*|[^:*]+/g

function segmentExpression(segment: string): RegExp {
  let source = ''
  for (const token of segment.matchAll(TOKEN)) {
    const { name, expression } = token.groups ?? {}
    if (token[0] === '::') source += ':'
    else if (token[0] === '*') source += '.*'
    else if (name === undefined) source += escapeRegExp(token[0])
    else source += `(?:${expression?.replace(/^\^|\$$/g, '') ?? '.+?'})`
  }
  return new RegExp(`^${source}$`)
}
