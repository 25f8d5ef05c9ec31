/** [enos 3.6] Locales of a name that a sub-field may ask for. */
export const LOCALES = ['zh_CN', 'en_US', 'ja_JP', 'es_ES'] as const

type Locale = (typeof LOCALES)[number]
type NameField<N extends string> = N | `${N}.default` | `${N}.defaultValue` | `${N}.${Locale}`

/**
 * A name and its sub-fields, all asked with `like`.
 * Quirk: the documents and the Java samples say `.defaultValue`, the Python sample `.default` [enos 3.6]; both work,
 * pinned by row 24 in test/conformance/enos.
 */
export function nameFields<N extends string>(name: N): Readonly<Record<NameField<N>, 'text'>> {
  const names = ['', '.default', '.defaultValue', ...LOCALES.map((locale) => `.${locale}`)]
  return Object.fromEntries(names.map((suffix) => [`${name}${suffix}`, 'text'])) as Record<NameField<N>, 'text'>
}

/** Where in a name a text is looked for. */
export type NamePlace =
  | { readonly in: 'any' }
  | { readonly in: 'default' }
  | { readonly in: 'locale'; readonly locale: string }

/** The place that a field of `nameFields` means. */
export function placeOf(field: string): NamePlace {
  const suffix = field.split('.')[1]
  if (suffix === undefined) return { in: 'any' }
  return suffix === 'default' || suffix === 'defaultValue' ? { in: 'default' } : { in: 'locale', locale: suffix }
}

/** [enos 3.6] A bare name matches the default and every locale; a locale that is absent falls back to the default. */
export function nameContains(
  name: { readonly default: string; readonly locales: Readonly<Record<string, string>> },
  place: NamePlace,
  text: string,
): boolean {
  switch (place.in) {
    case 'any':
      return [name.default, ...Object.values(name.locales)].some((one) => one.includes(text))
    case 'default':
      return name.default.includes(text)
    case 'locale':
      return (name.locales[place.locale] ?? name.default).includes(text)
  }
}
