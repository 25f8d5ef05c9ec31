/**
 * A deeply frozen copy of plain data. Members that are undefined are left out, as a database would. A nested value that
 * is frozen already is taken as it is, so that changing one field of a row copies one level.
 */
export function frozenCopy<T extends object>(value: T): T {
  // Spread, not assignment: a label may be called `__proto__`.
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>
  for (const name of Object.keys(copy)) {
    const member = copy[name]
    if (member === undefined) delete copy[name]
    else if (typeof member === 'object' && member !== null && !Object.isFrozen(member))
      copy[name] = frozenMember(member)
  }
  return Object.freeze(copy) as T
}

const NONE = Object.freeze({})

/** Labels and the like are mostly empty: all of those are one. */
function frozenMember(member: object): object {
  return Array.isArray(member) || Object.keys(member).length > 0 ? frozenCopy(member) : NONE
}
