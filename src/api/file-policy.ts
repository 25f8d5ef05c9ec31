import type { DownloadArtifact, DownloadPolicy } from '../protocols/http/download-policy.ts'
import { sendProblem } from './errors.ts'
import type { PublicCall } from './route.ts'

/** How this API hands out files: strong ETag by content, all conditions, several ranges, never shown inline. */
export function filePolicy(call: PublicCall, fileName: string): DownloadPolicy {
  const { limits } = call.context.host
  return {
    validators: (artifact: DownloadArtifact) => ({ etag: `"${artifact.sha256}"` }),
    conditions: ['if-match', 'if-none-match', 'if-range'],
    ranges: 'multi',
    maxRanges: limits.ranges,
    connectionClose: false,
    mayHandOver: true,
    headers: () => ({
      'content-type': 'application/octet-stream',
      'content-disposition': disposition(fileName),
      'cache-control': 'private, no-cache',
      'x-content-type-options': 'nosniff',
    }),
    unsatisfiable: (request, reply) =>
      sendProblem(request, reply, { code: 'range-not-satisfiable', detail: 'The range lies outside the file.' }),
    preconditionFailed: (request, reply) =>
      sendProblem(request, reply, { code: 'precondition-failed', detail: 'The file has another ETag.' }),
    idleTimeoutMs: limits.downloadIdleTimeoutMs,
    maxDurationMs: limits.downloadMaxDurationMs,
  }
}

/** RFC 6266: a plain name, and the exact one in UTF-8. */
function disposition(name: string): string {
  const plain = name.replace(/[^\w.+ -]/g, '_')
  const exact = encodeURIComponent(name).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `attachment; filename="${plain}"; filename*=UTF-8''${exact}`
}
