import { compare, parse } from 'semver'

/** A version as far as its order is concerned. */
export interface Versioned {
  /** Verbatim. */
  readonly version: string
  /** Place in the explicit order of its module; null = none was given. */
  readonly sequence: number | null
}

/** How one version stands to another; `unknown` when nothing orders them. */
export type VersionOrder = 'older' | 'same' | 'newer' | 'unknown'

/**
 * How `a` stands to `b`. Equal text is `same`. Where both are strict SemVer, its precedence decides. Else, and where they
 * differ in build metadata alone, which SemVer gives no order, the explicit sequences decide if both have one; equal
 * sequences stand in one place. Nothing is ever guessed from the text.
 */
export function compareVersions(a: Versioned, b: Versioned): VersionOrder {
  if (a.version === b.version) return 'same'
  const precedence = semverOrder(a.version, b.version)
  if (precedence !== 0) return orderOf(precedence)
  if (a.sequence === null || b.sequence === null) return 'unknown'
  return a.sequence === b.sequence ? 'same' : orderOf(a.sequence - b.sequence)
}

/** 0 when SemVer does not order them. */
function semverOrder(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)]
  return left && right ? compare(left, right) : 0
}

function orderOf(difference: number): 'older' | 'newer' {
  return difference < 0 ? 'older' : 'newer'
}
