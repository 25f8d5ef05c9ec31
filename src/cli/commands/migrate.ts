import type { Command } from 'commander'
import { withExamples } from '../options/examples.ts'
import { configOf, DATA_SETTINGS, withSettings } from '../options/settings.ts'
import { print, printJson } from '../output/print.ts'

export function addMigrateCommand(program: Command): void {
  const command = withSettings(program.command('migrate'), DATA_SETTINGS)
    .description('bring the database up to date; the embedded one does so by itself at each start')
    .option('--json', 'JSON for programs')
    .action(async (options: { json?: boolean } & Record<string, string>) => {
      const { migrateConfigured } = await import('../../server/maintenance/migrate-database.ts')
      const migrations = await migrateConfigured(configOf(options))
      if (options.json) printJson({ migrations })
      else if (migrations.length === 0) print('The database is up to date.')
      else for (const name of migrations) print(`ran ${name}`)
    })
  withExamples(command, 'godwit migrate --database-url postgres://godwit@db.example.com/godwit')
}
