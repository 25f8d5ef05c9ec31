import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compareDownloads } from './scenarios/downloads.ts'
import { iotaapLatest } from './scenarios/iotaap-latest.ts'
import { spokeZoneList } from './scenarios/spoke-zone-list.ts'
import type { Measured } from './support/compare.ts'
import { generator } from './support/load.ts'
import { seedFleet } from './support/seed.ts'
import { startServer } from './support/server-process.ts'

/**
 * Compares Godwit with the least that could answer the same bytes, in the same run and in turns, and prints ratios.
 * Options: --devices N (100000), --rounds N (5), --seconds N a round (4), --json FILE, --only latest|list|download.
 */
const { values } = parseArgs({
  options: {
    devices: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    json: { type: 'string' },
    only: { type: 'string' },
  },
})

const main = fileURLToPath(new URL('../bin/godwit.cjs', import.meta.url))
console.log(`Registering ${values.devices} devices …`)
const fleet = await seedFleet(Number(values.devices))
const server = await startServer([
  '--max-semi-space-size=4',
  main,
  'serve',
  '--data',
  fleet.data,
  '--port',
  '0',
  '--log',
  'warn',
])
const setting = { fleet, server, rounds: Number(values.rounds), seconds: Number(values.seconds) }
const scenarios = { latest: iotaapLatest, list: spokeZoneList, download: compareDownloads }
const results: Measured[] = []
try {
  for (const [name, scenario] of Object.entries(scenarios)) {
    if (values.only !== undefined && values.only !== name) continue
    const result = await scenario(setting)
    results.push(result)
    console.log(row(result))
  }
} finally {
  await server.stop()
  rmSync(fleet.data, { recursive: true })
}
const report = {
  date: new Date().toISOString(),
  node: process.version,
  generator,
  devices: Number(values.devices),
  results,
}
if (values.json !== undefined) writeFileSync(join(process.cwd(), values.json), `${JSON.stringify(report, null, 2)}\n`)
process.exitCode = results.every((result) => result.met) ? 0 : 1

function row(result: Measured): string {
  const { name, unit, ours, bare, ratio, spread, aim, met } = result
  const latency = result.p99Ms === undefined ? '' : `, p50 ${result.p50Ms} ms, p99 ${result.p99Ms} ms`
  return `${met ? 'ok  ' : 'MISS'} ${name}: ${ratio.toFixed(2)} (aim ${aim}, spread ${(spread * 100).toFixed(0)} %) — ${ours.toPrecision(4)} against ${bare.toPrecision(4)} ${unit}${latency}, RSS ${result.rssMb.toFixed(0)} MB`
}
