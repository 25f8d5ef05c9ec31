/** Writes docs/openapi.json from the routes of the management API; with --check it only compares. */
import { readFileSync, writeFileSync } from 'node:fs'
import Fastify from 'fastify'
import { managementApi } from '../src/api/protocol.ts'
import type { Core } from '../src/core/create-core.ts'
import { Downloads } from '../src/protocols/http/downloads.ts'
import { DEFAULT_HTTP_LIMITS } from '../src/protocols/http/limits.ts'
import { VERSION } from '../src/server/version.ts'

const path = new URL('../docs/openapi.json', import.meta.url)

/** The document as text, formatted. No route is called, so the core is never looked at. */
export async function openApiText(): Promise<string> {
  const host = {
    core: Object.freeze({}) as Core,
    limits: DEFAULT_HTTP_LIMITS,
    downloads: new Downloads(DEFAULT_HTTP_LIMITS),
    shortWays: { add: () => undefined },
    publicBaseUrl: () => '',
    clientAddress: () => '',
  }
  const app = Fastify()
  try {
    await app.register((scope) => managementApi(host, { version: VERSION, tokenIssuers: {} }).register(scope))
    const reply = await app.inject('/api/godwit/v1/openapi.json')
    if (reply.statusCode !== 200) throw new Error(`the document could not be made: ${reply.body}`)
    return `${JSON.stringify(reply.json(), null, 2)}\n`
  } finally {
    await app.close()
  }
}

if (import.meta.main) {
  const text = await openApiText()
  if (!process.argv.includes('--check')) writeFileSync(path, text)
  else if (readFileSync(path, 'utf8') !== text) {
    console.error('docs/openapi.json is not what the routes say; run npm run docs')
    process.exit(1)
  }
}
