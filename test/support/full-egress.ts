import { DEFAULT_HTTP_LIMITS } from '../../src/protocols/http/limits.ts'
import type { TestServer } from './test-server.ts'

/** Takes every place for a download, as clients would that never end. Give them back with what it answers. */
export function fillEgress(server: TestServer): () => void {
  const { egress } = server.host.downloads
  const flows = Array.from({ length: DEFAULT_HTTP_LIMITS.downloadsAtOnce }, () => egress.admit(1))
  return () => {
    for (const flow of flows) flow.end()
  }
}
