import type { Actions, Call } from './call.ts'
import { invalidArgument } from './errors.ts'

/** [enos 3.5] The path is known; its actions are not served in this version. */
export function jobActions(): Actions {
  const run = async (_call: Call): Promise<string> => {
    throw invalidArgument('action', 'OTA jobs are not available in this version of the server')
  }
  const read = { permission: 'read', changes: false, run } as const
  const write = { permission: 'write', changes: true, run } as const
  return {
    get: read,
    search: read,
    searchTask: read,
    create: write,
    start: write,
    stop: write,
    delete: write,
    cancelTask: write,
    retryTask: write,
  }
}
