import { satisfies, valid, validRange } from 'semver'
import { invalid } from '../../errors.ts'

/** Longest text that says from which versions a firmware can be installed. */
const MOST_CHARS = 500

/**
 * Whether a device that runs `running` may install a firmware with this constraint; null = from any version. Parts stand
 * between `||`, and one suffices: each is a SemVer range, read strictly as npm does (a pre-release is in a range only
 * where the range names one of the same version), or a version verbatim.
 */
export function allowsFrom(fromVersions: string | null, running: string): boolean {
  if (fromVersions === null) return true
  return partsOf(fromVersions).some(
    (part) => part === running || (valid(running) !== null && validRange(part) !== null && satisfies(running, part)),
  )
}

/**
 * Throws `invalid` unless every part is a SemVer range or can be a version; what begins like a range must be one, so that
 * a slip is not taken for a version that no device runs.
 */
export function requireFromVersions(field: string, value: string): string {
  if (value.length === 0 || value.length > MOST_CHARS) throw invalid(field, `must have 1 to ${MOST_CHARS} characters`)
  for (const part of partsOf(value)) {
    if (part === '') throw invalid(field, 'has nothing before or after a ||')
    if (validRange(part) !== null) continue
    if (/^[<>=~^]/.test(part) || !/^[\x21-\x7e]{1,64}$/.test(part))
      throw invalid(field, `"${part.slice(0, 80)}" is neither a SemVer range nor a version`)
  }
  return value
}

function partsOf(fromVersions: string): string[] {
  return fromVersions.split('||').map((part) => part.trim())
}
