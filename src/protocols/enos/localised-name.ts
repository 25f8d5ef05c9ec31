import type { LocalisedText } from '../../core/firmware/firmware.ts'
import { invalidArgument } from './errors.ts'
import { isJsonObject } from './json.ts'

const CHARS = 200

/** [enos 3.3] A name in several languages; undefined where none is given. Throws `EnosFailure`. */
export function localisedName(name: unknown): LocalisedText | undefined {
  if (name === undefined || name === null) return undefined
  if (!isJsonObject(name)) throw invalidArgument('name', 'must be an object')
  const text = name['defaultValue']
  if (text === undefined || text === null || text === '')
    throw invalidArgument('defaultValue', 'defaultValue is missing')
  if (typeof text !== 'string' || text.length > CHARS)
    throw invalidArgument('defaultValue', `must be a string of at most ${CHARS} characters`)
  const locales = name['i18nValue'] ?? {}
  if (!isJsonObject(locales)) throw invalidArgument('name.i18nValue', 'must be an object')
  const entries = Object.entries(locales).map(([locale, value]): [string, string] => {
    if (!/^[a-z]{2}_[A-Z]{2}$/.test(locale)) throw invalidArgument('name.i18nValue', 'has an unknown locale')
    if (typeof value !== 'string' || value.length > CHARS)
      throw invalidArgument(`name.${locale}`, `must be a string of at most ${CHARS} characters`)
    return [locale, value]
  })
  return { default: text, locales: Object.fromEntries(entries) }
}
