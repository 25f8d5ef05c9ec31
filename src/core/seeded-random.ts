/** Numbers in [0, 1), the same ones for the same seed on every machine (32-bit arithmetic of the "sfc32" generator). */
export function seededRandom(seed: number): () => number {
  let a = seed | 0
  let b = 0x9e3779b9 | 0
  let c = 0x243f6a88 | 0
  let count = 1
  const next = (): number => {
    const sum = (((a + b) | 0) + count) | 0
    count = (count + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 4294967296
  }
  for (let round = 0; round < 12; round++) next()
  return next
}

/** An exponentially distributed number with the given mean. */
export function exponential(random: () => number, mean: number): number {
  return -mean * Math.log(1 - random())
}
