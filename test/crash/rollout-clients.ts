import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CallReply, DeviceCalls } from '../support/device-calls.ts'
import type { LedgerDevice, RolloutLedger } from './rollout-ledger.ts'

export const FROM = '1.0.0'
export const TO = '1.1.0'

/** How clients reach the server of the moment; while it is dead they wait. */
export interface Line {
  readonly ledger: RolloutLedger
  /** Resolves with the connections of the server that lives. */
  server(): Promise<DeviceCalls>
  /** Whether a server may say that its database is away: then devices come again. */
  readonly mayRefuse: boolean
}

/** Checks of one device before it counts as never granted. */
const CHECKS = 50
/** Between checks that brought nothing, ms. */
const PAUSE_MS = 250

/** Lives of all devices, so many at once. */
export async function runDevices(line: Line, devices: readonly LedgerDevice[], atOnce: number): Promise<void> {
  const waiting = devices.values()
  const worker = async () => {
    for (const device of waiting) await live(line, device)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/** From the first check to the end of the last attempt. */
async function live(line: Line, device: LedgerDevice): Promise<void> {
  const first = await untilTold(line, device, 1)
  if (first === undefined) return
  await report(line, device, { update: first, state: 'downloading' })
  await report(line, device, { update: first, state: 'downloaded' })
  await report(line, device, { update: first, state: 'installing' })
  switch (device.fate) {
    case 'arrives':
      return runs(line, device, { update: first, version: TO })
    case 'falls-silent':
      return
    case 'fails':
      await report(line, device, { update: first, state: 'failed' })
      return again(line, device)
    case 'falls-back':
      await runs(line, device, { update: first, version: FROM })
      return again(line, device)
  }
}

/** The second try works. */
async function again(line: Line, device: LedgerDevice): Promise<void> {
  const second = await untilTold(line, device, 2)
  if (second === undefined) return
  await report(line, device, { update: second, state: 'installing' })
  await runs(line, device, { update: second, version: TO })
}

async function untilTold(line: Line, device: LedgerDevice, attempt: number): Promise<string | undefined> {
  for (let check = 0; check < CHECKS; check += 1) {
    const { json } = await call(line, (server) => server.check(device.token, { running: { main: FROM } }))
    const { action, update } = json
    if (action === 'update') {
      const told = device.told.get(update.attempt) ?? new Set()
      device.told.set(update.attempt, told.add(update.id))
      if (update.attempt === attempt) return update.id
      line.ledger.surprises.push(`${device.key}: attempt ${update.attempt} instead of ${attempt}`)
    }
    await sleep(PAUSE_MS)
  }
  line.ledger.surprises.push(`${device.key}: was never granted attempt ${attempt}`)
  return undefined
}

/** Sends a report under one name until it is acknowledged. */
async function report(line: Line, device: LedgerDevice, said: { update: string; state: string }): Promise<void> {
  const entry = { id: randomUUID(), reason: said.state === 'failed' ? `flash full on ${device.key}` : '', ...said }
  const { json } = await call(line, (server) => server.report(device.token, [entry]))
  const [answer] = json.results
  if (answer.result === 'duplicate') line.ledger.duplicates += 1
  else if (answer.result !== 'accepted')
    line.ledger.surprises.push(`${device.key}: ${said.state}: ${JSON.stringify(answer)}`)
  device.reported.push(entry)
}

/** Says after a restart what it runs, which ends the update. */
async function runs(line: Line, device: LedgerDevice, is: { update: string; version: string }): Promise<void> {
  await call(line, (server) => server.check(device.token, { running: { main: is.version }, boot: true }))
  device.ended.set(is.update, is.version === TO ? 'succeeded' : 'rolled-back')
}

/** Calls until there is an answer, from whichever server; a refusal is a finding. */
async function call(line: Line, send: (server: DeviceCalls) => Promise<CallReply>): Promise<CallReply> {
  for (;;) {
    const server = await line.server()
    const reply = await send(server).catch(() => undefined)
    if (reply === undefined) {
      // The server is dying: its end is known in a moment.
      await sleep(20)
      continue
    }
    if (reply.status === 503 && line.mayRefuse) {
      line.ledger.refused += 1
      await sleep(100)
      continue
    }
    if (reply.status !== 200) throw new Error(`${reply.status} ${JSON.stringify(reply.json)}`)
    line.ledger.acknowledged += 1
    return reply
  }
}
