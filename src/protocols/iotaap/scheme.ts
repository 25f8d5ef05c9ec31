/** Credential scheme of this protocol, its name in updates (`via`) and the family of its signed tokens. */
export const SCHEME = 'iotaap'

/** What a row of this protocol belongs to; the word that stands in paths and form fields. */
export type Target = 'device' | 'group'

/** Characters of the tokens that stand in download paths. [iotaap 1] */
export const TOKEN_CHARS = { device: 12, group: 16 } as const satisfies Record<Target, number>
