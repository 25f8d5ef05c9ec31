import { type Document, isNode, LineCounter, parseDocument } from 'yaml'
import { OtaError } from '../../core/errors.ts'
import '../../protocols/http/plain-issues.ts'
import { type FleetFile, fleetFileSchema } from './fleet-file.ts'

type Path = ReadonlyArray<string | number>

/** A parsed fleet file that can still say on which line something stands. */
export interface ParsedFleet {
  readonly fleet: FleetFile
  /** Line of the node at `path`, counted from 1; the nearest parent's where the path does not exist. */
  lineOf(path: Path): number
}

/** Largest fleet file, characters. */
export const FLEET_FILE_CHARS = 64 * 2 ** 20

/** Parses and checks a fleet file. Throws `invalid` with line, path and reason of the first error. */
export function parseFleetFile(text: string): ParsedFleet {
  if (text.length > FLEET_FILE_CHARS)
    throw new OtaError('too-large', `A fleet file has at most ${FLEET_FILE_CHARS} characters.`)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true })
  const [broken] = document.errors
  if (broken) throw fleetError(lines.linePos(broken.pos[0]).line, firstSentence(broken.message))
  const lineOf = (path: Path) => lineOfNode(document, lines, path)
  const parsed = fleetFileSchema.safeParse(plainValue(document))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const at = (issue?.path ?? []).filter((part) => typeof part !== 'symbol')
    const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined
    const path = unknown === undefined ? at : [...at, unknown]
    const reason = unknown === undefined ? (issue?.message ?? 'is not valid') : 'is not a known key'
    throw fleetError(lineOf(path), `${path.join('.') || 'the file'}: ${reason}`)
  }
  refuseDuplicates(parsed.data, lineOf)
  return { fleet: parsed.data, lineOf }
}

/** Without the place and the picture of it that the parser adds: the line is named already. */
function firstSentence(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/( at line \d+, column \d+)?:?$/, '')
}

/** An alias without its anchor, and too many of them, come to light only here. */
function plainValue(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch (cause) {
    throw fleetError(1, cause instanceof Error ? firstSentence(cause.message) : 'is not YAML', cause)
  }
}

/** An error that names its line; `details.line` holds it for programs. */
export function fleetError(line: number, reason: string, cause?: unknown): OtaError {
  return new OtaError('invalid', `line ${line}: ${reason}`, { details: { field: 'fleet', line, reason }, cause })
}

function lineOfNode(document: Document, lines: LineCounter, path: Path): number {
  for (let depth = path.length; depth > 0; depth--) {
    const node = document.getIn(path.slice(0, depth), true)
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line
  }
  return 1
}

/** What must be unique within the file, by section. */
function refuseDuplicates(fleet: FleetFile, lineOf: ParsedFleet['lineOf']): void {
  const check = (path: Path, names: readonly string[]) => {
    const seen = new Set<string>()
    names.forEach((name, index) => {
      if (seen.has(name))
        throw fleetError(lineOf([...path, index]), `${[...path, index].join('.')}: "${name}" occurs twice`)
      seen.add(name)
    })
  }
  const byKey = (rows: ReadonlyArray<{ key: string }> = []) => rows.map((row) => row.key)
  check(['organisations'], byKey(fleet.organisations))
  fleet.organisations.forEach((organisation, index) => {
    const at = (section: string) => ['organisations', index, section]
    check(at('products'), byKey(organisation.products))
    check(at('groups'), byKey(organisation.groups))
    check(at('devices'), byKey(organisation.devices))
    check(at('accessKeys'), byKey(organisation.accessKeys))
    check(at('rollouts'), byKey(organisation.rollouts))
    check(
      at('accounts'),
      (organisation.accounts ?? []).map((one) => one.email.toLowerCase()),
    )
    check(
      at('firmware'),
      (organisation.firmware ?? []).map((one) => `${one.product}/${one.module ?? ''} ${one.version}`),
    )
    check(
      at('floors'),
      (organisation.floors ?? []).map((one) => `${one.product}/${one.module ?? ''} ${one.version}`),
    )
    check(
      at('releases'),
      (organisation.releases ?? []).map((one) => `${one.product} ${one.version}`),
    )
    check(
      at('assignments'),
      (organisation.assignments ?? []).map((one) => (one.device ? `device ${one.device}` : `group ${one.group}`)),
    )
    organisation.products?.forEach((product, productIndex) => {
      check([...at('products'), productIndex, 'modules'], byKey(product.modules))
    })
  })
}
