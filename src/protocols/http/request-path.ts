const ABSOLUTE = /^https?:\/\/[^/?#]*/i

/**
 * Collapses leading and doubled slashes in the path, never in the query, and drops scheme and host of an absolute
 * request target. [iotaap R8] [enos 6]
 */
export function normaliseUrl(url: string): string {
  const target = url.startsWith('/') ? url : url.replace(ABSOLUTE, '')
  const end = target.indexOf('?')
  const path = end === -1 ? target : target.slice(0, end)
  if (path.startsWith('/') && !path.includes('//')) return target
  const collapsed = path.replace(/\/{2,}/g, '/')
  const rooted = collapsed.startsWith('/') || collapsed === '*' ? collapsed : `/${collapsed}`
  return end === -1 ? rooted : rooted + target.slice(end)
}

/** Path segments without empty ones; percent-decoded, or as they came when they cannot be decoded. */
export function pathSegments(url: string): string[] {
  const end = url.search(/[?#]/)
  const path = end === -1 ? url : url.slice(0, end)
  return path
    .split('/')
    .filter((segment) => segment !== '')
    .map(decoded)
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
