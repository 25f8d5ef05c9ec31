/** The names in an order in which each comes after those that it refers to; references to itself do not count. */
export function parentsFirst(
  names: readonly string[],
  references: readonly (readonly [child: string, parent: string])[],
): string[] {
  const ordered: string[] = []
  const seen = new Set<string>()
  const place = (name: string): void => {
    if (seen.has(name)) return
    seen.add(name)
    for (const [child, parent] of references) if (child === name) place(parent)
    ordered.push(name)
  }
  for (const name of names) place(name)
  return ordered.filter((name) => names.includes(name))
}
