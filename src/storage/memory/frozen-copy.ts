/**
 * Freezes a fresh object of plain data deeply. Members that are undefined are taken out, as a database would; nested
 * objects are copied first, as they may be somebody else's, unless they are frozen already, so that changing one field
 * of a row copies one level.
 */
export function frozen<T extends object>(fresh: T): T {
  const row = fresh as Record<string, unknown>
  for (const name of Object.keys(row)) {
    const member = row[name]
    if (member === undefined) delete row[name]
    else if (typeof member === 'object' && member !== null && !Object.isFrozen(member)) row[name] = frozenMember(member)
  }
  return Object.freeze(fresh)
}

const NONE = Object.freeze({})

/** Labels and the like are mostly empty: all of those are one. */
function frozenMember(member: object): object {
  // Spread, not assignment: a label may be called `__proto__`.
  if (Array.isArray(member)) return frozen([...member])
  return Object.keys(member).length > 0 ? frozen({ ...member }) : NONE
}
