import type { Command } from 'commander'
import { EXIT } from '../exit.ts'
import { withExamples } from '../options/examples.ts'
import { refuseAs } from '../options/refuse-as.ts'
import { configOf, DATA_SETTINGS, withSettings } from '../options/settings.ts'
import { note, print, printJson } from '../output/print.ts'

export function addKeyCommands(program: Command): void {
  const key = program.command('key').description('the master key under which secrets are sealed')
  const rotate = withSettings(key.command('rotate'), DATA_SETTINGS)
    .description('seal every secret under a new master key; the server must be stopped')
    .option('--json', 'JSON for programs')
    .action(async (options: { json?: boolean } & Record<string, string>) => {
      const { rotateMasterKey } = await import('../../server/maintenance/rotate-master-key.ts')
      const rotation = rotateMasterKey(configOf(options), {
        newKey: process.env['GODWIT_NEW_MASTER_KEY'] || undefined,
        now: Date.now(),
      })
      const result = await rotation.catch(refuseAs({ missing: EXIT.usage }))
      if (options.json) return printJson(result)
      print(result.values === 0 ? 'An interrupted rotation is finished.' : `${result.values} secrets sealed anew.`)
      if (result.oldKey === undefined) note('Start the server with the new key in GODWIT_MASTER_KEY.')
      else note(`The old key is kept in ${result.oldKey}; older backups need it.`)
      note('Signed tokens (Spoke.Zone device tokens among them) have ended; bearer tokens and passwords go on.')
    })
  withExamples(
    rotate,
    'godwit key rotate --data /var/lib/godwit',
    'GODWIT_NEW_MASTER_KEY=$(openssl rand -base64 32) godwit key rotate --database-url postgres://…',
  )
}
