import { expect } from 'vitest'
import type { Connection } from './clients.ts'
import { contentOf, deployedVersion, type Ledger, sha256 } from './ledger.ts'

/** Compares a restarted server with what the clients know: all that was acknowledged is there, the rest is absent or whole. */
export async function verifyLedger(connection: Connection, ledger: Ledger): Promise<void> {
  await verifyUploads(connection, ledger)
  await verifyDeploys(connection, ledger)
  await verifyDevices(connection, ledger)
}

async function verifyUploads(connection: Connection, ledger: Ledger): Promise<void> {
  const listed = new Map((await listAll(connection, '/firmware')).map((row) => [String(row['version']), row]))
  for (const upload of ledger.uploads) {
    const row = listed.get(upload.version)
    listed.delete(upload.version)
    if (upload.state === 'stored') expect(row, `${upload.version} was acknowledged`).toBeDefined()
    if (upload.state === 'deleted') expect(row, `${upload.version} was deleted`).toBeUndefined()
    if (!row) {
      if (upload.state === 'deleting') upload.state = 'deleted'
      continue
    }
    upload.id = String(row['id'])
    if (upload.state !== 'stored' || Math.random() < 0.1) {
      const reply = await fetch(`${connection.url}/api/godwit/v1/firmware/${upload.id}/file`, {
        headers: connection.headers,
      })
      expect(sha256(new Uint8Array(await reply.arrayBuffer())), `bytes of ${upload.version}`).toBe(upload.sha256)
    }
    upload.state = 'stored'
  }
  expect([...listed.keys()], 'nothing that nobody sent').toEqual([])
}

async function verifyDeploys(connection: Connection, ledger: Ledger): Promise<void> {
  for (const deploys of ledger.deploys) {
    const latest = await fetch(`${connection.url}/v1/ota/device/latest/${deploys.device}`)
    if (deploys.acknowledged === 0 && latest.status === 404) continue
    const { ver } = (await latest.json()) as { ver: string }
    const possible = [deploys.acknowledged, deploys.sent].map((index) => deployedVersion(deploys, index))
    expect(possible).toContain(ver)
    const download = await fetch(`${connection.url}/v1/ota/device/download/${deploys.device}${deploys.token}`)
    expect(sha256(new Uint8Array(await download.arrayBuffer())), `bytes of ${ver}`).toBe(sha256(contentOf(ver)))
    deploys.acknowledged = ver === possible[1] ? deploys.sent : deploys.acknowledged
    deploys.sent = Math.max(deploys.sent, deploys.acknowledged)
  }
}

async function verifyDevices(connection: Connection, ledger: Ledger): Promise<void> {
  const listed = new Map((await listAll(connection, '/devices')).map((row) => [String(row['key']), row]))
  for (const device of ledger.devices) {
    const row = listed.get(device.key)
    if (device.state === 'stored') expect(row, `${device.key} was acknowledged`).toBeDefined()
    // Whole or absent: a device that is there has the credential that came with it.
    if (row) {
      const reply = await fetch(`${connection.url}/v1/devices/${String(row['id'])}`, {
        headers: { authorization: `Bearer ${connection.jwt}` },
      })
      if (device.state === 'sent') expect(reply.status, `${device.key} has its credential`).toBe(200)
      device.state = 'stored'
    }
  }
}

async function listAll(connection: Connection, path: string): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = []
  for (let cursor = ''; ; ) {
    const query = `limit=200${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`
    const reply = await fetch(`${connection.url}/api/godwit/v1${path}?${query}`, { headers: connection.headers })
    expect(reply.status).toBe(200)
    const page = (await reply.json()) as { items: Record<string, unknown>[]; nextCursor: string | null }
    rows.push(...page.items)
    if (!page.nextCursor) return rows
    cursor = page.nextCursor
  }
}
