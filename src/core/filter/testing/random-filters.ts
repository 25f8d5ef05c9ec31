import { seededRandom } from '../../seeded-random.ts'
import type { Filter, FilterCondition, FilterField } from '../filter.ts'
import type { FilterSubject } from '../matches-filter.ts'

/** Values so few that random filters and subjects meet, and so odd that escapes and patterns are put to the test. */
export const WORDS = [
  'graz',
  'Graz',
  'az',
  '',
  "o'hare",
  '"quoted"',
  'back\\slash',
  '100%_',
  'süd',
  '固件',
  '😀',
  'a\nb',
]
export const LABELS = [
  'site',
  'hw/rev',
  'a.b',
  '5g',
  '0',
  'toString',
  'odd name',
  'quo"te',
  "it's",
  'back\\',
  '$',
  '[0]',
  'é',
]
export const VERSIONS = ['1.0.0', '1.0.1', '2.0.0-rc.1', 'süd']
export const MODULES = ['main', 'display-app', 'a.b']
export const PRODUCTS = ['panel', 'Panel', 'pump']
export const GROUPS = ['pilot', 'rest']

export interface Choice {
  /** From 0 up to this, without it. */
  below(count: number): number
  of<T>(values: readonly [T, ...T[]] | readonly T[]): T
}

/** Choices that are the same for the same seed. */
export function choices(seed: number): Choice {
  const random = seededRandom(seed)
  const below = (count: number) => Math.floor(random() * count)
  return {
    below,
    of: <T>(values: readonly T[]) => values[below(values.length)] as T,
  }
}

/** A filter as `parseFilter` makes them: no group of one, none empty. */
export function randomFilter(choice: Choice, depth = 3): Filter {
  const kind = depth === 0 ? 3 : choice.below(5)
  const inner = () => randomFilter(choice, depth - 1)
  if (kind === 0) return { kind: 'all', of: Array.from({ length: 2 + choice.below(2) }, inner) }
  if (kind === 1) return { kind: 'any', of: Array.from({ length: 2 + choice.below(2) }, inner) }
  return kind === 2 ? { kind: 'not', of: inner() } : randomCondition(choice)
}

function randomCondition(choice: Choice): FilterCondition {
  const field = randomField(choice)
  const values = valuesOf(field)
  const kind = choice.below(3)
  const isOptional = !['key', 'id', 'name', 'status'].includes(field)
  if (kind === 0 && isOptional) return { kind: 'exists', field }
  if (kind === 1 && field !== 'status') return { kind: 'contains', field, text: part(choice, choice.of(values)) }
  return { kind: 'one-of', field, values: Array.from({ length: 1 + choice.below(3) }, () => choice.of(values)) }
}

function randomField(choice: Choice): FilterField {
  const plain = ['key', 'id', 'name', 'status', 'product', 'group', 'version'] as const
  const kind = choice.below(plain.length + 6)
  const field = plain[kind]
  if (field !== undefined) return field
  if (kind % 3 === 0) return `tag.${choice.of(LABELS)}`
  return kind % 3 === 1 ? `attribute.${choice.of(LABELS)}` : `version.${choice.of(MODULES)}`
}

function valuesOf(field: FilterField): readonly string[] {
  if (field === 'status') return ['active', 'disabled']
  if (field === 'product') return PRODUCTS
  if (field === 'group') return GROUPS
  if (field === 'id') return ['0', '1', 'a', '00']
  if (field === 'key') return ['d-0', 'd-1', 'D-1', 'd-17']
  return field.startsWith('version') ? VERSIONS : WORDS
}

function part(choice: Choice, value: string): string {
  const characters = [...value]
  const start = choice.below(characters.length + 1)
  return characters.slice(start, start + 1 + choice.below(3)).join('')
}

/** A device; `index` makes its key. */
export function randomSubject(choice: Choice, index: number): FilterSubject {
  const product = choice.below(4) === 0 ? null : choice.of(PRODUCTS)
  const labels = () =>
    Object.fromEntries(LABELS.filter(() => choice.below(3) === 0).map((name) => [name, choice.of(WORDS)]))
  const running = product === null ? [] : MODULES.filter(() => choice.below(3) > 0)
  return {
    key: `d-${index}`,
    id: index.toString(16).padStart(24, '0'),
    name: choice.of(WORDS),
    status: choice.below(4) === 0 ? 'disabled' : 'active',
    product,
    group: choice.below(3) === 0 ? null : choice.of(GROUPS),
    tags: labels(),
    attributes: labels(),
    versions: Object.fromEntries(running.map((module) => [module, choice.of(VERSIONS)])),
    primaryModule: product === null ? null : (MODULES[0] ?? null),
  }
}
