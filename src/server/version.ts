import { readFileSync } from 'node:fs'

/** The version in package.json, which stands two levels above both `src/server` and `dist/server`. */
export const VERSION: string = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version
