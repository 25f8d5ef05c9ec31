import type { NoPathBecause } from './path.ts'

/** What bars the way of a device, as the end of a sentence. */
export function barrierInWords(because: NoPathBecause): string {
  switch (because.kind) {
    case 'from-versions': {
      const comes = because.from === null ? 'what it runs is not known' : `it would come from ${because.from}`
      return `version ${because.version} can be installed only from ${because.fromVersions}, and ${comes}`
    }
    case 'incomparable':
      return (
        `nothing says whether version ${because.floor}, which must not be jumped over (${because.reason}), ` +
        `is older or newer than ${because.version}; sequences would`
      )
    case 'unknown-version':
      return `it may need version ${because.floor} first, which must not be jumped over (${because.reason})`
    case 'floor-withdrawn':
      return `it needs version ${because.floor} first (${because.reason}), which was withdrawn`
  }
}
