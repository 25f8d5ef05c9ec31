import { spawn, spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../test/support/free-port.ts'
import { endWithBench, removeFolder, temporaryFolder } from './leftovers.ts'
import { type MeasuredProcess, measured } from './server-process.ts'

const NGINX = '/usr/sbin/nginx'
const WAIT_MS = 5_000

export interface StaticServer extends MeasuredProcess {
  readonly url: string
}

export function whyNoNginx(): string | undefined {
  return existsSync(NGINX) ? undefined : `nginx is not installed (${NGINX}; Debian: nginx-light)`
}

export function nginxVersion(): string {
  return whyNoNginx() ?? spawnSync(NGINX, ['-v'], { encoding: 'utf8' }).stderr.trim().split('/').at(-1) ?? ''
}

/** An nginx of this run alone, one process, that serves `file` at every path as Debian's configuration would: sendfile. */
export async function startNginx(file: string): Promise<StaticServer> {
  const folder = temporaryFolder('nginx')
  const port = await freePort()
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/t;`)
  const configuration = join(folder, 'nginx.conf')
  writeFileSync(
    configuration,
    `daemon off; master_process off; worker_processes 1; pid ${folder}/pid; error_log stderr warn;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 2048; }
http {
  access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream; ${temporary.join(' ')}
  server { listen 127.0.0.1:${port} backlog=4096; location / { root /; try_files ${file} =404; } }
}
`,
  )
  const child = endWithBench(spawn(NGINX, ['-c', configuration, '-p', folder], { stdio: ['ignore', 'ignore', 'pipe'] }))
  let log = ''
  child.stderr.on('data', (chunk) => {
    log += chunk
  })
  await answering(port).catch(() => {
    child.kill('SIGTERM')
    throw new Error(`nginx did not start:\n${log}`)
  })
  const server = measured(child)
  return {
    ...server,
    url: `http://127.0.0.1:${port}`,
    async stop() {
      await server.stop()
      removeFolder(folder)
    },
  }
}

async function answering(port: number): Promise<void> {
  const until = performance.now() + WAIT_MS
  while (!(await connects(port))) {
    if (performance.now() > until) throw new Error('no answer')
    await sleep(20)
  }
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
