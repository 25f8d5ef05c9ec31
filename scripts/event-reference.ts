/** Writes the list of event types in docs/events.md from what the code declares. */
import { readFileSync, writeFileSync } from 'node:fs'
import { withEventReference } from '../src/core/event/event-reference.ts'

const path = new URL('../docs/events.md', import.meta.url)
writeFileSync(path, withEventReference(readFileSync(path, 'utf8')))
