import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './free-port.ts'

/** nginx of this machine (Debian: nginx-light), or why there is none. In CI it must be there. */
export function findNginx(): { readonly path: string } | { readonly skip: string } {
  const path = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/opt/homebrew/bin/nginx'].find(existsSync)
  if (path !== undefined) return { path }
  const skip = 'nginx is not installed (apt-get install nginx-light)'
  if (process.env['CI']) throw new Error(`The tests behind nginx must run in CI, but ${skip}`)
  console.warn(`SKIPPED: the tests behind nginx, because ${skip}`)
  return { skip }
}

export interface Nginx {
  readonly url: string
  stop(): Promise<void>
}

/**
 * nginx as a process of its own on a free loopback port, with the text of a site in which `LISTEN` stands for that port.
 * What it writes stays in `folder`.
 */
export async function startNginx(path: string, folder: string, site: string): Promise<Nginx> {
  mkdirSync(folder, { recursive: true })
  const port = await freePort()
  const file = join(folder, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${join(folder, kind)};`)
    .join(' ')
  writeFileSync(
    file,
    // As root its workers would be somebody who may read no file of ours.
    `daemon off; ${process.getuid?.() === 0 ? 'user root;' : ''} worker_processes 1; pid ${join(folder, 'nginx.pid')}; error_log ${join(folder, 'error.log')};
     events { worker_connections 4096; }
     http { access_log off; ${temporary}
     ${site.replaceAll('LISTEN', `127.0.0.1:${port}`)} }`,
  )
  const tested = spawnSync(path, ['-t', '-c', file, '-e', join(folder, 'error.log')], { encoding: 'utf8' })
  if (tested.status !== 0) throw new Error(tested.stderr)
  const child = spawn(path, ['-c', file, '-e', join(folder, 'error.log')], { stdio: 'ignore' })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const url = `http://127.0.0.1:${port}`
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const answers = await fetch(`${url}/healthz`).then(
      () => true,
      () => false,
    )
    if (answers) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    url,
    async stop() {
      child.kill('SIGQUIT')
      const timer = setTimeout(() => child.kill('SIGKILL'), 3_000)
      await exited
      clearTimeout(timer)
    },
  }
}
