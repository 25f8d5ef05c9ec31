import type { DowngradeRefusal } from './downgrade.ts'
import type { NoPath } from './path.ts'
import type { Penalty } from './penalty.ts'

/** Why the downgrade guard refuses, and what an operator can do about it. */
export function downgradeInWords(refusal: DowngradeRefusal): string {
  const { from, to } = refusal
  const wayOut = refusal.overridable ? 'unless the plan allows downgrades' : 'and its product forbids downgrades'
  if (refusal.kind === 'downgrade') return `It runs ${from}, which is newer than ${to}; it does not go back ${wayOut}.`
  return (
    `It runs ${from}, and nothing says whether ${to} is newer: they are not both SemVer and not both have a sequence. ` +
    `It is left alone ${wayOut}.`
  )
}

/** Why a device has no way to the version that it is meant to run. */
export function noPathInWords({ because }: NoPath): string {
  switch (because.kind) {
    case 'from-versions': {
      const comes = because.from === null ? 'what it runs is not known' : `it would come from ${because.from}`
      return `Version ${because.version} can be installed from ${because.fromVersions} only, and ${comes}.`
    }
    case 'incomparable':
      return (
        `Nothing says whether version ${because.floor}, which must not be jumped over (${because.reason}), ` +
        `is older or newer than ${because.version}; sequences would.`
      )
    case 'unknown-version':
      return (
        `What it runs is not known, so it may still need version ${because.floor}, which must not be jumped over ` +
        `(${because.reason}).`
      )
    case 'floor-withdrawn':
      return `It needs version ${because.floor} first (${because.reason}), and that was withdrawn.`
  }
}

/** Why a device in the penalty box is offered nothing. */
export function penaltyInWords({ failures, until }: Penalty): string {
  const times = failures === 1 ? 'Its last update failed' : `Its last ${failures} updates failed`
  return `${times}; it is left alone until ${new Date(until).toISOString()}, or until an operator has it tried again.`
}
