import { ServerRefusal } from './problem.ts'

/** What a refusal may be that has passed when the command comes again. */
const PASSING = new Set([408, 429, 500, 502, 503, 504])

/** Whether the same request may be answered in a moment: the server restarts, or the way there is broken. */
export function isPassing(error: unknown): boolean {
  return !(error instanceof ServerRefusal) || PASSING.has(error.problem.status)
}
