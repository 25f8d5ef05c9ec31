/** In the order of `items`; when some fail, the others are done all the same and the first failure is thrown. */
export async function inParallel<T, R>(items: readonly T[], most: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Map<number, PromiseSettledResult<R>>()
  let next = 0
  const worker = async () => {
    while (next < items.length) {
      const index = next
      next += 1
      const [result] = await Promise.allSettled([work(items[index] as T)])
      results.set(index, result)
    }
  }
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker))
  return items.map((_, index) => {
    const result = results.get(index)
    if (result?.status !== 'fulfilled') throw result?.reason
    return result.value
  })
}
