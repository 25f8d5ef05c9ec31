import type { Command } from 'commander'
import type { Config } from '../../server/config/settings.ts'
import type { PrepareOptions, RunningServer } from '../../server/start-server.ts'
import { withExamples } from '../options/examples.ts'
import { configOf, withSettings } from '../options/settings.ts'

export function addServeCommand(program: Command): void {
  const command = withSettings(program.command('serve'))
    .description('start the server')
    .option('--apply <file>', 'apply a fleet file before listening')
    .action(async (options: Record<string, string | undefined>) => {
      const { workerChannel } = await import('../../server/workers/worker-channel.ts')
      const config = configOf(options)
      const workers = workerChannel()
      if (config.workers > 1 && !workers) return serveWithWorkers(config, await preparation(config, options['apply']))
      const { startServer } = await import('../../server/start-server.ts')
      // What is done once was done by the process that supervises the workers.
      const server = await startServer(
        config,
        workers ? { workers } : await preparation(config, options['apply']),
      ).catch((error) => {
        workers?.letGo()
        throw error
      })
      // First the handlers: whoever reads the ready line may stop the server at once.
      stopOnSignals(server)
      if (workers) workers.ready(server.url)
      else announce(server.url)
    })
  withExamples(
    command,
    'godwit serve --data /var/lib/godwit --port 8080',
    'godwit serve --apply fleet.yaml',
    'godwit serve --workers 4',
  )
}

async function preparation(config: Config, fleetFile: string | undefined): Promise<PrepareOptions> {
  const { applyFleetFile } = await import('../../server/fleet/apply-fleet-file.ts')
  return {
    onFirstPassword: (password) =>
      console.error(`First account: ${config.ownerEmail} with password ${password} (shown only now)`),
    beforeListening: async (core) => {
      if (fleetFile === undefined) return
      const result = await applyFleetFile(core, fleetFile)
      console.error(`${fleetFile}: ${result.changes.length} changes`)
      for (const secret of result.secrets) console.error(`${secret.device} ${secret.scheme}: ${secret.token}`)
    },
  }
}

/** What is beyond the drain's own limit: jobs that end, a database that is slow to close. */
const STOP_SLACK_MS = 10_000

async function serveWithWorkers(config: Config, options: PrepareOptions): Promise<void> {
  const { DRAIN_LIMIT_MS, prepareServer } = await import('../../server/start-server.ts')
  const { superviseWorkers } = await import('../../server/workers/supervise-workers.ts')
  await prepareServer(config, options)
  const code = await superviseWorkers({
    workers: config.workers,
    stopLimitMs: DRAIN_LIMIT_MS + STOP_SLACK_MS,
    onReady: (url) => announce(url, { workers: config.workers }),
    say: (sentence) => console.error(`godwit: ${sentence}`),
  })
  process.exit(code)
}

function announce(url: string, more: object = {}): void {
  process.stdout.write(`${JSON.stringify({ ready: true, url, pid: process.pid, ...more })}\n`)
}

function stopOnSignals(server: RunningServer): void {
  const stop = () => {
    server.stop().then(
      () => process.exit(0),
      (error) => {
        console.error(error)
        process.exit(1)
      },
    )
  }
  process.on('SIGHUP', () => void server.reload())
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
}
