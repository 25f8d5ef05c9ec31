import type { Command } from 'commander'
import type { RunningServer } from '../../server/start-server.ts'
import { withExamples } from '../options/examples.ts'
import { configOf, withSettings } from '../options/settings.ts'

export function addServeCommand(program: Command): void {
  const command = withSettings(program.command('serve'))
    .description('start the server')
    .option('--apply <file>', 'apply a fleet file before listening')
    .action(async (options: Record<string, string | undefined>) => {
      const { startServer } = await import('../../server/start-server.ts')
      const { applyFleetFile } = await import('../../server/fleet/apply-fleet-file.ts')
      const config = configOf(options)
      const server = await startServer(config, {
        onFirstPassword: (password) =>
          console.error(`First account: ${config.ownerEmail} with password ${password} (shown only now)`),
        beforeListening: async (core) => {
          if (options['apply'] === undefined) return
          const result = await applyFleetFile(core, options['apply'])
          console.error(`${options['apply']}: ${result.changes.length} changes`)
          for (const secret of result.secrets) console.error(`${secret.device} ${secret.scheme}: ${secret.token}`)
        },
      })
      // First the handlers: whoever reads the ready line may stop the server at once.
      stopOnSignals(server)
      announce(server)
    })
  withExamples(command, 'godwit serve --data /var/lib/godwit --port 8080', 'godwit serve --apply fleet.yaml')
}

function announce(server: RunningServer): void {
  process.stdout.write(`${JSON.stringify({ ready: true, url: server.url, pid: process.pid })}\n`)
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
