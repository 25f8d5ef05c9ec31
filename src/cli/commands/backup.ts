import { resolve } from 'node:path'
import type { Command } from 'commander'
import { withExamples } from '../options/examples.ts'
import { configOf, DATA_SETTINGS, withSettings } from '../options/settings.ts'
import { formatSize } from '../output/format-value.ts'
import { note, print, printJson } from '../output/print.ts'
import { type Progress, startProgress } from '../output/progress.ts'

type Options = { readonly json?: boolean; readonly withKey?: boolean } & Readonly<Record<string, string>>

/** `backup` and `restore`: one file, for either database. */
export function addBackupCommands(program: Command): void {
  const backup = withSettings(program.command('backup'), DATA_SETTINGS)
    .argument('<file>', 'the file to write; must not exist')
    .description('write database and files into one file; works while servers run')
    .option('--with-key', 'put the master key in: the file alone then restores everything, and opens every secret')
    .option('--json', 'JSON for programs')
    .action(backUp)
  withExamples(backup, 'godwit backup /backups/godwit-$(date +%F).db --data /var/lib/godwit')

  const restore = withSettings(program.command('restore'), DATA_SETTINGS)
    .argument('<file>', 'a file that `godwit backup` wrote')
    .description('fill an empty data directory or PostgreSQL database from a backup of either')
    .option('--json', 'JSON for programs')
    .action(restoreFrom)
  withExamples(restore, 'godwit restore /backups/godwit-2026-11-01.db --data /var/lib/godwit-new')
}

async function backUp(file: string, options: Options): Promise<void> {
  const { createBackup } = await import('../../server/maintenance/create-backup.ts')
  const path = resolve(file)
  const result = await withProgress('Backing up', (progress) =>
    createBackup(configOf(options), path, { withKey: options.withKey ?? false, now: Date.now(), ...progress }),
  )
  if (options.json) return printJson({ file: path, ...result })
  print(`${path}: database and ${result.blobs} files, ${formatSize(result.bytes)}`)
  if (!options.withKey) note('The master key is not in it (--with-key); keep master.key as well, in another place.')
}

async function restoreFrom(file: string, options: Options): Promise<void> {
  const { restoreBackup } = await import('../../server/maintenance/restore-backup.ts')
  const config = configOf(options)
  const result = await withProgress('Restoring', (progress) => restoreBackup(config, resolve(file), progress))
  if (options.json) return printJson({ data: config.data, ...result })
  print(`${config.data}: database and ${result.blobs} files of ${result.createdAt}`)
  if (result.masterKey === 'absent')
    note(`The backup holds no master key: put the old master.key into ${config.data} before the server starts.`)
}

interface Observer {
  onStart(total: number): void
  onBytes(bytes: number): void
}

async function withProgress<T>(task: string, work: (observer: Observer) => Promise<T>): Promise<T> {
  let progress: Progress | undefined
  try {
    return await work({
      onStart: (total) => {
        progress?.stop()
        progress = startProgress(task, total, 'bytes')
      },
      onBytes: (bytes) => progress?.add(bytes),
    })
  } finally {
    progress?.stop()
  }
}
