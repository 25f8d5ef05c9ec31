/** Writes docs/cli.md from the commands themselves. */
import { writeFileSync } from 'node:fs'
import { cliReference } from '../src/cli/reference.ts'

writeFileSync(new URL('../docs/cli.md', import.meta.url), cliReference())
