import { once } from 'node:events'
import { createServer } from 'node:http'
import type { TestProject } from 'vitest/node'
import { type PostgresServer, startPostgres } from './postgres-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where test files ask for a database of the run's one PostgreSQL server. */
    readonly postgresBroker: string
  }
}

/**
 * One PostgreSQL server for all test files of a run, started when the first of them asks for a database: most runs
 * never do. The answer is `{url}` or `{skip}`.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let starting: ReturnType<typeof startPostgres> | undefined
  let running: PostgresServer | undefined
  const answer = async (copyOf: string | undefined): Promise<{ url: string } | { skip: string }> => {
    starting ??= startPostgres()
    const server = await starting
    if (server.kind === 'none') return { skip: server.skip }
    running = server
    return { url: await server.createDatabase(copyOf) }
  }

  const broker = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://broker')
    answer(searchParams.get('copyOf') ?? undefined).then(
      (body) => response.end(JSON.stringify(body)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  broker.listen(0, '127.0.0.1')
  await once(broker, 'listening')
  const address = broker.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  project.provide('postgresBroker', `http://127.0.0.1:${address.port}`)

  return async () => {
    broker.closeAllConnections()
    broker.close()
    await running?.stop()
  }
}
