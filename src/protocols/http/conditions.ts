/** What a stored file can be compared by. */
export interface Validators {
  /** Strong entity tag with its quotes, for example `"sha256-9f86…"`. */
  readonly etag: string
  /** Epoch milliseconds; only where a protocol sends Last-Modified. */
  readonly lastModified?: number
}

/** The strong entity tag of content-addressed bytes. `sha256` is lower-case hex. */
export function sha256Etag(sha256: string): string {
  return `"sha256-${sha256}"`
}

const LIST_MEMBER = /(?:W\/)?"[^"]*"/g

/** If-None-Match (RFC 9110, 13.1.2), weak comparison: true means that the client has these bytes already. */
export function matchesNone(header: string | undefined, validators: Validators): boolean {
  if (header === undefined) return false
  return header.trim() === '*' || tags(header).some((tag) => tag.replace(/^W\//, '') === validators.etag)
}

/** If-Match (RFC 9110, 13.1.1), strong comparison: false means 412. An absent header is always met. */
export function matchesSome(header: string | undefined, validators: Validators): boolean {
  if (header === undefined || header.trim() === '*') return true
  return tags(header).includes(validators.etag)
}

/**
 * If-Range (RFC 9110, 13.1.5): true means that Range applies. A tag must be strong and equal; a date must not be before
 * Last-Modified, and never applies where there is no Last-Modified. An absent header lets Range apply.
 */
export function rangeApplies(header: string | undefined, validators: Validators): boolean {
  if (header === undefined) return true
  const value = header.trim()
  if (value.startsWith('"') || value.startsWith('W/')) return value === validators.etag
  const date = Date.parse(value)
  if (validators.lastModified === undefined || Number.isNaN(date)) return false
  return date >= Math.floor(validators.lastModified / 1000) * 1000
}

function tags(header: string): string[] {
  return header.match(LIST_MEMBER) ?? []
}
