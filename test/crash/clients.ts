import { contentOf, type Deploys, deployedVersion, type Ledger, sha256, type Upload } from './ledger.ts'

/** How the clients reach the server of this round. */
export interface Connection {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Bearer token of the IoTaaP account API. */
  readonly jwt: string
  /** Set when the server is about to be killed: clients stop starting calls. */
  readonly signal: { over: boolean }
}

let counter = 0

/** 16 clients that each have a call in flight all the time, until the server goes away. */
export async function runClients(connection: Connection, ledger: Ledger): Promise<void> {
  const clients = [
    ...Array.from({ length: 4 }, () => repeat(connection, () => upload(connection, ledger, 'raw'))),
    ...Array.from({ length: 3 }, () => repeat(connection, () => upload(connection, ledger, 'form'))),
    ...ledger.deploys.map((deploys) => repeat(connection, () => deploy(connection, deploys))),
    ...Array.from({ length: 2 }, () => repeat(connection, () => remove(connection, ledger))),
    ...Array.from({ length: 3 }, () => repeat(connection, () => register(connection, ledger))),
  ]
  await Promise.all(clients)
}

/** Until the connection breaks: that is how these clients learn of the kill. A refusal is a finding. */
async function repeat(connection: Connection, call: () => Promise<void>): Promise<void> {
  while (!connection.signal.over) {
    try {
      await call()
    } catch (error) {
      if (error instanceof Refused) throw error
      return
    }
  }
}

export class Refused extends Error {}

async function accepted(reply: Response): Promise<Response> {
  if (reply.ok) return reply
  throw new Refused(`${reply.status} ${await reply.text()}`)
}

async function upload(connection: Connection, ledger: Ledger, form: 'raw' | 'form'): Promise<void> {
  const version = `1.0.${counter++}`
  const bytes = contentOf(version)
  const entry: Upload = { version, sha256: sha256(bytes), state: 'sent' }
  ledger.uploads.push(entry)
  const query = new URLSearchParams({ product: 'panel', version })
  const body = form === 'raw' ? new Blob([bytes.slice()]) : new FormData()
  if (body instanceof FormData) body.append('file', new Blob([bytes.slice()]), 'firmware.bin')
  const type = form === 'raw' ? { 'content-type': 'application/octet-stream' } : {}
  const reply = await fetch(`${connection.url}/api/godwit/v1/firmware?${query}`, {
    method: 'POST',
    headers: { ...connection.headers, ...type },
    body,
  })
  const { id } = (await (await accepted(reply)).json()) as { id: string }
  entry.id = id
  entry.state = 'stored'
}

async function deploy(connection: Connection, deploys: Deploys): Promise<void> {
  const index = deploys.sent + 1
  deploys.sent = index
  const version = deployedVersion(deploys, index)
  const form = new FormData()
  form.append('device', deploys.device)
  form.append('token', deploys.token)
  form.append('version', version)
  form.append('firmware', new Blob([contentOf(version).slice()]), 'firmware.bin')
  const reply = await fetch(`${connection.url}/v1/ota/device`, {
    method: 'POST',
    headers: { authorization: `Bearer ${connection.jwt}` },
    body: form,
  })
  await (await accepted(reply)).text()
  deploys.acknowledged = index
}

async function remove(connection: Connection, ledger: Ledger): Promise<void> {
  const entry = ledger.claimForDeletion()
  if (!entry) {
    await fetch(`${connection.url}/healthz`).then((reply) => reply.text())
    return
  }
  const reply = await fetch(`${connection.url}/api/godwit/v1/firmware/${entry.id}`, {
    method: 'DELETE',
    headers: connection.headers,
  })
  await (await accepted(reply)).text()
  entry.state = 'deleted'
}

async function register(connection: Connection, ledger: Ledger): Promise<void> {
  const entry: Ledger['devices'][number] = { key: `device-${counter++}`, state: 'sent' }
  ledger.devices.push(entry)
  const reply = await fetch(`${connection.url}/api/godwit/v1/devices`, {
    method: 'POST',
    headers: { ...connection.headers, 'content-type': 'application/json' },
    body: JSON.stringify({ key: entry.key, product: 'panel', credentials: { iotaap: {} } }),
  })
  await (await accepted(reply)).text()
  entry.state = 'stored'
}
