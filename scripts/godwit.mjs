// Runs the `godwit` command from a checkout: builds first if it must, then starts it where the user stands.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const stamp = join(root, 'dist', '.built')

function newest(folder) {
  let time = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    time = Math.max(time, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs)
  }
  return time
}

function mustBuild() {
  if (!existsSync(stamp)) return true
  const sources = [join(root, 'package.json'), join(root, 'tsconfig.build.json')].map((file) => statSync(file).mtimeMs)
  return Math.max(newest(join(root, 'src')), ...sources) > statSync(stamp).mtimeMs
}

if (mustBuild()) {
  const build = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')],
    {
      cwd: root,
      stdio: ['ignore', 2, 2],
    },
  )
  if (build.status !== 0) process.exit(1)
  writeFileSync(stamp, '')
}

const child = spawn(
  process.execPath,
  ['--max-semi-space-size=4', join(root, 'bin/godwit.cjs'), ...process.argv.slice(2)],
  {
    cwd: process.env.INIT_CWD ?? process.cwd(),
    stdio: 'inherit',
  },
)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)))
