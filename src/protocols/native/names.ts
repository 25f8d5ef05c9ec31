/** The scheme of credentials, the `via` of updates and the name in logs. */
export const NATIVE = 'native'

/** Module of firmware that names none, for a device whose product is unknown. */
export const MAIN = 'main'
