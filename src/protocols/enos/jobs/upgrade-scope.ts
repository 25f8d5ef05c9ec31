import { invalidArgument } from '../errors.ts'
import { isJsonObject, type JsonObject } from '../json.ts'

/** Which devices a job is for, as a program says it; absent = not asked for. */
export interface UpgradeScope {
  readonly type: 'total' | 'partial'
  readonly versionNumbers: readonly string[]
  readonly deviceKeys?: readonly string[]
  readonly assetIds?: readonly string[]
  readonly deviceGroupIds?: readonly string[]
  readonly attributes: Readonly<Record<string, readonly string[]>>
  readonly tags: Readonly<Record<string, readonly string[]>>
  readonly productKey?: string
  /** What JobInfo gives back. */
  readonly given: JsonObject
}

const VALUES = 1_000
const NAMES = 32
const CHARS = 256

/** [enos 3.3] The struct UpgradeScope. Throws `EnosFailure`. Empty lists and objects count as not given. */
export function upgradeScope(value: unknown): UpgradeScope {
  if (value === undefined || value === null) throw invalidArgument('upgradeScope', 'upgradeScope is missing')
  if (!isJsonObject(value)) throw invalidArgument('upgradeScope', 'must be an object')
  const type = value['type']
  if (type === undefined || type === null) throw invalidArgument('upgradeScope.type', 'type is missing')
  if (type !== 'total' && type !== 'partial') throw invalidArgument('upgradeScope.type', 'must be total or partial')
  refuseTrees(value['assetTrees'])
  const lists = (name: string) => {
    const list = strings(`upgradeScope.${name}`, value[name])
    return list.length > 0 ? { [name]: list } : {}
  }
  const selectors = { ...lists('deviceKeys'), ...lists('assetIds'), ...lists('deviceGroupIds') }
  const attributes = labels('upgradeScope.attributes', value['attributes'], textOfAny)
  const tags = labels('upgradeScope.tags', value['tags'], textOfString)
  const asked = [selectors, attributes, tags].some((one) => Object.keys(one).length > 0)
  if (type === 'partial' && !asked) throw invalidArgument('upgradeScope', 'partial needs a selector')
  const productKey = value['productKey'] ?? undefined
  if (productKey !== undefined && (typeof productKey !== 'string' || productKey === '' || !isKept(productKey)))
    throw invalidArgument('upgradeScope.productKey', 'must be a string')
  return {
    type,
    versionNumbers: strings('upgradeScope.versionNumbers', value['versionNumbers']),
    ...selectors,
    attributes,
    tags,
    ...(productKey !== undefined && { productKey }),
    given: givenBack(value),
  }
}

const ALWAYS = ['type', 'versionNumbers', 'deviceKeys', 'attributes', 'tags', 'assetTrees']
const WHERE_USED = ['assetIds', 'productKey', 'deviceGroupIds']

/** [enos 3.3] Unused members are null; those that came with release 2.4.4 are there only where they are used. */
function givenBack(value: JsonObject): JsonObject {
  const all = ALWAYS.map((name) => [name, value[name] ?? null] as const)
  const used = WHERE_USED.filter((name) => value[name] !== undefined && value[name] !== null)
  return Object.fromEntries([...all, ...used.map((name) => [name, value[name]] as const)])
}

function refuseTrees(trees: unknown): void {
  if (trees === undefined || trees === null || (Array.isArray(trees) && trees.length === 0)) return
  throw invalidArgument('upgradeScope.assetTrees', 'asset trees are not known here')
}

function strings(field: string, value: unknown): string[] {
  return listOf(field, value, textOfString)
}

function listOf(field: string, value: unknown, textOf: (one: unknown) => string | undefined): string[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw invalidArgument(field, 'must be a list')
  if (value.length > VALUES) throw invalidArgument(field, `at most ${VALUES} values`)
  return value.map((one) => {
    const text = textOf(one)
    if (text === undefined || text.length > CHARS || !isKept(text))
      throw invalidArgument(field, `must hold texts of at most ${CHARS} characters`)
    return text
  })
}

function labels(
  field: string,
  value: unknown,
  textOf: (one: unknown) => string | undefined,
): Record<string, readonly string[]> {
  if (value === undefined || value === null) return {}
  if (!isJsonObject(value)) throw invalidArgument(field, 'must be an object')
  const entries = Object.entries(value)
  if (entries.length > NAMES) throw invalidArgument(field, `at most ${NAMES} names`)
  return Object.fromEntries(
    entries.map(([name, values]) => {
      const texts = listOf(field, values, textOf)
      if (name === '' || name.length > CHARS || !isKept(name)) throw invalidArgument(field, 'has a name that is none')
      if (texts.length === 0) throw invalidArgument(field, 'has a name without values')
      return [name, texts]
    }),
  )
}

/** Filters hold no other text, since not every database keeps it. */
export function isKept(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

function textOfString(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** What devices report is text, whatever a program's language made of it. */
function textOfAny(value: unknown): string | undefined {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : textOfString(value)
}
