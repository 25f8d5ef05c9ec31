import { CommandFailure } from '../exit.ts'
import { isJsonObject, type JsonObject } from './json.ts'

/** What a problem document (RFC 9457) of the server says; members that it lacks are empty. */
export interface ProblemDocument {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail: string
  readonly errors: ReadonlyArray<{ readonly pointer: string; readonly detail: string; readonly line?: number }>
  readonly facts: Readonly<Record<string, unknown>>
}

/** The server said no. Its message is the detail, after the title where it is no sentence, with a line for each further error. */
export class ServerRefusal extends CommandFailure {
  readonly problem: ProblemDocument

  constructor(problem: ProblemDocument) {
    super(sentence(problem))
    this.problem = problem
  }
}

/** Reads the body of an answer that is not a success, whatever stands between us and the server made it. */
export function readProblem(status: number, body: string): ProblemDocument {
  const document = parseObject(body)
  const text = (name: string) => (typeof document[name] === 'string' ? document[name] : '')
  return {
    status,
    code: text('code'),
    title: text('title') || `The server answered ${status}`,
    detail: text('detail'),
    errors: Array.isArray(document['errors']) ? document['errors'].flatMap(readError) : [],
    facts: isJsonObject(document['facts']) ? document['facts'] : {},
  }
}

/** Errors beyond the first, which `detail` mentions, are worth a line each; more than this many are not. */
const SHOWN_ERRORS = 20

function sentence({ title, detail, errors, facts }: ProblemDocument): string {
  const head = detail === '' ? title : /^[A-Z]|\.$/.test(detail) ? detail : `${title}: ${detail}`
  const lines = errors.length > 1 || errors.some((error) => error.line !== undefined) ? errors : []
  const more = lines.length > SHOWN_ERRORS ? [`… and ${lines.length - SHOWN_ERRORS} more`] : []
  const organisations = Array.isArray(facts['organisations'])
    ? [`yours are: ${facts['organisations'].join(', ')} (--organisation KEY)`]
    : []
  const shown = lines.slice(0, SHOWN_ERRORS).map(({ pointer, detail: reason, line }) => {
    const where = [line === undefined ? '' : `line ${line}`, pointer].filter((part) => part !== '').join(' ')
    return where === '' ? reason : `${where}: ${reason}`
  })
  return [head, ...shown, ...more, ...organisations].join('\n  ')
}

function readError(error: unknown): ProblemDocument['errors'] {
  if (!isJsonObject(error)) return []
  const { pointer, detail, line } = error
  return [
    {
      pointer: typeof pointer === 'string' ? pointer : '',
      detail: typeof detail === 'string' ? detail : '',
      ...(typeof line === 'number' && { line }),
    },
  ]
}

function parseObject(body: string): JsonObject {
  try {
    const value: unknown = JSON.parse(body)
    return isJsonObject(value) ? value : {}
  } catch {
    return {}
  }
}
