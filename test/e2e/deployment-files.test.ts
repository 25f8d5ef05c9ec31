import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { SETTINGS } from '../../src/server/config/settings.ts'
import { GODWIT, login, ROOT, spawnServer } from '../support/spawn-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const FILES = ['Dockerfile', ...globSync('examples/deploy/**/*.*', { cwd: ROOT })].toSorted()
const text = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const known = new Set(Object.values(SETTINGS).flatMap(({ env }) => (env === undefined ? [] : [env])))

it.each(FILES)('%s names only settings that there are', (path) => {
  const names = [...text(path).matchAll(/\bGODWIT_[A-Z_]+\b/g)].map(([name]) => name)
  expect(names.filter((name) => !known.has(name))).toEqual([])
})

it.each(FILES.filter((path) => /\.ya?ml$/.test(path)))('%s is YAML', (path) => {
  for (const document of parseAllDocuments(text(path))) expect(document.errors).toEqual([])
})

it('the image copies what is there, and runs a command that there is', () => {
  const copied = [...text('Dockerfile').matchAll(/^COPY --from=build \/build\/(\S+) /gm)].map(([, path]) => path ?? '')
  expect(copied.length).toBeGreaterThan(3)
  for (const path of copied) expect(existsSync(join(ROOT, path)), path).toBe(true)
  for (const command of ['serve', 'migrate'])
    expect(spawnSync(process.execPath, [GODWIT, command, '--help']).status, command).toBe(0)
})

it('every metric of dashboard and alerts is one that a server shows, and every probe is answered', async () => {
  const folder = await temporaryFolder()
  const server = await spawnServer({ data: folder.path })
  try {
    const authorization = await login(server.url)
    const post = (path: string, body: object) =>
      fetch(`${server.url}/api/godwit/v1/${path}`, {
        method: 'POST',
        headers: { ...authorization, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    expect((await post('organisations', { key: 'acme' })).status).toBe(201)
    const probes = [...text('examples/deploy/kubernetes/godwit.yaml').matchAll(/path: (\/\w+z),/g)]
    expect(probes).toHaveLength(2)
    for (const [, path] of probes) expect((await fetch(`${server.url}${path}`)).status).toBe(200)

    const shown = await (await fetch(`${server.url}/metrics`)).text()
    const names = new Set([...shown.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name ?? ''))
    const used = ['grafana-dashboard.json', 'alerts.yml']
      .map((file) => text(`examples/deploy/monitoring/${file}`))
      .flatMap((file) => [...file.matchAll(/\b(?:godwit|process|nodejs)_[a-z0-9_]+/g)])
      .map(([name]) => name.replace(/_bucket$/, ''))
    expect(used.length).toBeGreaterThan(10)
    expect([...new Set(used)].filter((name) => !names.has(name))).toEqual([])
  } finally {
    await server.stop()
    await folder.remove()
  }
})

const analyze = spawnSync('systemd-analyze', ['--version']).status === 0
// Only where systemd is: a container has none, and nothing else reads its units.
it.skipIf(!analyze)('systemd accepts the unit', () => {
  const unit = join(ROOT, 'examples/deploy/systemd/godwit.service')
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' })
  expect([status, stderr]).toEqual([0, ''])
})
