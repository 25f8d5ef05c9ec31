/** A part of a list that can be paged and counted by itself. */
export interface Part<T> {
  list(page: { readonly limit: number; readonly offset: number }): Promise<readonly T[]>
  count(): Promise<number>
}

/** One page of the list that these parts are one after another; a part is counted only where the page begins behind it. */
export async function pageOfParts<T>(
  parts: Iterable<Part<T>>,
  page: { readonly limit: number; readonly offset: number },
): Promise<T[]> {
  const found: T[] = []
  let skip = page.offset
  for (const part of parts) {
    const rows = await part.list({ limit: page.limit - found.length, offset: skip })
    found.push(...rows)
    if (found.length >= page.limit) break
    if (rows.length > 0) skip = 0
    else if (skip > 0) skip -= Math.min(skip, await part.count())
  }
  return found
}
