import { hash, timingSafeEqual } from 'node:crypto'

/**
 * Compares two secrets in a time that depends on neither their content nor the place of the first difference.
 * To hide whether an account exists, compare with a dummy secret where there is none.
 */
export function equalSecrets(a: string, b: string): boolean {
  return timingSafeEqual(hash('sha256', a, 'buffer'), hash('sha256', b, 'buffer'))
}
