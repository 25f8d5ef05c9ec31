/** The thread that answers long reads on a connection of its own, so that the event loop never waits for them. */
import { parentPort, workerData } from 'node:worker_threads'
import type { ReaderReply, ReaderRequest, ReaderThreadData } from './reader-protocol.ts'
import { SqliteConnection } from './sqlite-connection.ts'

const { file } = workerData as ReaderThreadData
const connection = new SqliteConnection({ file, access: 'read' })

parentPort?.on('message', (request: ReaderRequest) => {
  parentPort?.postMessage(answer(request))
})

function answer({ id, mode, sql, parameters }: ReaderRequest): ReaderReply {
  try {
    return { id, result: connection[mode](sql, parameters) }
  } catch (error) {
    const errcode: unknown = error instanceof Error ? Reflect.get(error, 'errcode') : undefined
    return {
      id,
      failure: {
        message: error instanceof Error ? error.message : String(error),
        errcode: typeof errcode === 'number' ? errcode : undefined,
      },
    }
  }
}
