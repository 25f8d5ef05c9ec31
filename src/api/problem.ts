import { z } from 'zod'

/** Where a request is wrong: a JSON pointer into the part of the request that is named. */
export interface ProblemError {
  readonly in: 'body' | 'query' | 'path' | 'header'
  /** RFC 6901; `` is the whole part. */
  readonly pointer: string
  readonly detail: string
  /** Line of an imported file, counted from 1. */
  readonly line?: number
}

/** RFC 9457. `code` is stable: programs switch on it, `title` and `detail` are for people. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: string
  readonly errors?: readonly ProblemError[]
  readonly facts?: Readonly<Record<string, unknown>>
  readonly requestId?: string
}

export const PROBLEM_TYPE = 'application/problem+json'

export const problemSchema = z
  .strictObject({
    type: z.string().describe('Where the code is explained'),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('A sentence for people'),
    code: z.string().describe('Stable; what programs switch on'),
    errors: z
      .array(
        z.strictObject({
          in: z.enum(['body', 'query', 'path', 'header']),
          pointer: z.string().describe('JSON pointer (RFC 6901) into that part of the request'),
          detail: z.string(),
          line: z.int().optional().describe('Line of an imported file, counted from 1'),
        }),
      )
      .optional(),
    facts: z.record(z.string(), z.unknown()).optional().describe('What the refusal is about'),
    requestId: z.string().optional().describe('Names the log line of a failure'),
  })
  .meta({ id: 'Problem', description: 'Every refusal and failure (RFC 9457)' })
