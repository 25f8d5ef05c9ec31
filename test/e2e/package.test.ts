import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'godwit-package-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const npm = (cwd: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd, encoding: 'utf8' })
  expect(status, `${stdout}\n${stderr}`).toBe(0)
}

it('the packed package installs into an empty folder and serves from it', async () => {
  npm(root, 'pack', '--ignore-scripts', '--pack-destination', folder)
  const [archive = ''] = readdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  npm(folder, 'install', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline', `./${archive}`)
  const bin = join(folder, 'node_modules/.bin/godwit')
  const server = spawn(process.execPath, [bin, 'serve', '--data', 'data', '--port', '0'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    let url = ''
    for await (const line of createInterface({ input: server.stdout })) {
      url = JSON.parse(line).url
      break
    }
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    const latest = await fetch(`${url}/v1/ota/device/latest/5e1b57808711f904f5df4bad`)
    expect([latest.status, await latest.json()]).toEqual([404, { message: 'No such device', error: 'Not Found' }])
  } finally {
    server.kill('SIGTERM')
  }
})
