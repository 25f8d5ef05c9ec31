/** Writes the tables of docs/configuration.md from the code's own declarations. */
import { readFileSync, writeFileSync } from 'node:fs'
import { configurationReference } from '../src/server/config/reference.ts'

const path = new URL('../docs/configuration.md', import.meta.url)
if (process.argv.includes('--check')) {
  if (readFileSync(path, 'utf8') !== configurationReference()) {
    console.error('docs/configuration.md is not what the code declares; run npm run docs')
    process.exit(1)
  }
} else writeFileSync(path, configurationReference())
