import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../server/config/load-config.ts'
import { applyFleetFile } from '../../server/fleet/apply-fleet-file.ts'
import { startServer } from '../../server/start-server.ts'
import { runFleet } from '../../simulator/fleet.ts'
import { LiveTable, type TableStream } from '../../simulator/live-table.ts'
import { CommandFailure } from '../exit.ts'
import { createDemoDevices, type DemoDevice } from './demo-devices.ts'
import { DEMO_DEVICES, DEMO_ORGANISATION, DEMO_OWNER, writeDemoFleet } from './demo-fleet.ts'
import { tour } from './tour.ts'

export interface DemoOptions {
  /** Stop when every device is done, and fail unless each ended with the target's bytes. */
  readonly once: boolean
  readonly port: number
  readonly out: TableStream
}

/** Checks before a device that found nothing yet gives up; EnOS commands come with the second. */
const ROUNDS = 3

/** A fresh server, a fleet file, and real devices on real sockets. Resolves when it has stopped again. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'godwit-demo-'))
  const fleet = writeDemoFleet(join(folder, 'fleet'))
  const server = await startServer(
    loadConfig({
      cwd: folder,
      env: { GODWIT_OWNER_EMAIL: 'administrator@localhost', GODWIT_OWNER_PASSWORD: DEMO_OWNER.password },
      flags: { data: join(folder, 'data'), port: String(options.port), log: 'warn' },
    }),
    { beforeListening: async (core) => void (await applyFleetFile(core, fleet.path)) },
  )
  try {
    options.out.write(`Server at ${server.url}, data in ${folder}\n\n`)
    const table = new LiveTable({ stream: options.out })
    const tokens = await deviceTokens(server.url)
    const devices = createDemoDevices(fleet, { url: server.url, tokens, onEvent: table.update })
    const strays = await updateAll(devices)
    table.end()
    options.out.write(summary(devices, strays))
    if (options.once) {
      if (strays.length > 0) throw new CommandFailure(`${strays.length} devices did not end with the target's bytes`)
      return
    }
    options.out.write(tour(server.url, { fleet: fleet.path, token: tokens[DEMO_DEVICES.truck.key] ?? '' }))
    await interrupted()
  } finally {
    await server.stop(2_000)
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs all devices until each runs its target's bytes, at most `ROUNDS` times. Answers those that do not. */
async function updateAll(devices: readonly DemoDevice[]): Promise<string[]> {
  let waiting = [...devices]
  for (let round = 0; round < ROUNDS && waiting.length > 0; round++) {
    await runFleet(waiting.map((one) => one.device))
    waiting = waiting.filter((one) => !hasTarget(one))
  }
  return waiting.map((one) => one.device.name)
}

/** The device's running bytes against the source file on disk. */
function hasTarget({ device, target }: DemoDevice): boolean {
  const wanted = createHash('sha256').update(readFileSync(target)).digest('hex')
  return device.flash.running?.sha256 === wanted
}

function summary(devices: readonly DemoDevice[], strays: readonly string[]): string {
  const done = devices.length - strays.length
  const rest = strays.length === 0 ? '' : ` Not updated: ${strays.join(', ')}.`
  return `\n${done} of ${devices.length} devices run the bytes of their source file on disk.${rest}\n`
}

/** Device tokens as a fleet operator gets them: from the management API. */
async function deviceTokens(url: string): Promise<Record<string, string>> {
  const api = `${url}/api/godwit/v1`
  const login = await call(`${api}/login`, { method: 'POST', body: JSON.stringify(DEMO_OWNER) })
  const tokens: Record<string, string> = {}
  for (const { key } of [DEMO_DEVICES.truck, DEMO_DEVICES.van, DEMO_DEVICES.oldTruck]) {
    const headers = { authorization: `Bearer ${String(login['token'])}`, 'godwit-organisation': DEMO_ORGANISATION }
    const issued = await call(`${api}/devices/${key}/token?protocol=spoke-zone`, { method: 'POST', headers })
    tokens[key] = String(issued['token'])
  }
  return tokens
}

async function call(url: string, init: { method: string; body?: string; headers?: Record<string, string> }) {
  const type = init.body === undefined ? {} : { 'content-type': 'application/json' }
  const reply = await fetch(url, { ...init, headers: { ...type, ...init.headers } })
  if (!reply.ok) throw new CommandFailure(`${init.method} ${url}: ${reply.status} ${await reply.text()}`)
  return (await reply.json()) as Record<string, unknown>
}

function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve())
    process.once('SIGTERM', () => resolve())
  })
}
