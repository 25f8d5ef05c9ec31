import { inject } from 'vitest'
import './postgres-global-setup.ts'

export { type PostgresServer, startPostgres } from './postgres-server.ts'

/** A source of empty databases, or why this machine has none. */
export type Postgres =
  | { readonly kind: 'running'; createDatabase(copyOf?: string): Promise<string /* url */> }
  | { readonly kind: 'none'; readonly skip: string }

/**
 * The PostgreSQL server that all test files of a run share. Where there is none, tests are skipped with a warning, but
 * in CI that is a failure. Tests that restart the server start one of their own.
 */
export async function sharedPostgres(): Promise<Postgres> {
  const first = await askBroker()
  if ('skip' in first) {
    if (process.env['CI']) throw new Error(`The tests on PostgreSQL must run in CI, but ${first.skip}`)
    console.warn(`SKIPPED: the tests on PostgreSQL, because ${first.skip}`)
    return { kind: 'none', skip: first.skip }
  }
  return { kind: 'running', createDatabase: async (copyOf) => urlOf(await askBroker(copyOf)) }
}

async function askBroker(copyOf?: string): Promise<{ url: string } | { skip: string }> {
  const query = copyOf === undefined ? '' : `?${new URLSearchParams({ copyOf })}`
  const response = await fetch(`${inject('postgresBroker')}/${query}`)
  if (!response.ok) throw new Error(await response.text())
  return (await response.json()) as { url: string } | { skip: string }
}

function urlOf(answer: { url: string } | { skip: string }): string {
  if ('skip' in answer) throw new Error(answer.skip)
  return answer.url
}
