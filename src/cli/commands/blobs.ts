import { type Command, Option } from 'commander'
import type { MoveResult, StoreKind } from '../../server/maintenance/move-blobs.ts'
import { CommandFailure, EXIT } from '../exit.ts'
import { withExamples } from '../options/examples.ts'
import { refuseAs } from '../options/refuse-as.ts'
import { configOf, DATA_SETTINGS, withSettings } from '../options/settings.ts'
import { formatSize } from '../output/format-value.ts'
import { note, print, printJson } from '../output/print.ts'
import { type Progress, startProgress } from '../output/progress.ts'

type Options = {
  readonly to: StoreKind
  readonly dryRun?: boolean
  readonly remove?: boolean
  readonly json?: boolean
} & Readonly<Record<string, string>>

/** `blobs move`: between the two configured stores, while servers serve. */
export function addBlobsCommands(program: Command): void {
  const blobs = program.command('blobs').description('where the bytes of firmware and data files lie')
  const move = withSettings(blobs.command('move'), DATA_SETTINGS)
    .description(
      'copy all files between the two configured stores, while servers serve; a move that was cut off goes on',
    )
    .addOption(new Option('--to <store>', 'where to').choices(['s3', 'filesystem']).makeOptionMandatory())
    .option('--dry-run', 'say what would be moved; move nothing')
    .option('--remove', 'take from the old store what was read back whole from the new one')
    .option('--json', 'JSON for programs')
    .action(moveTo)
  withExamples(
    move,
    'godwit blobs move --to s3 --blobs "s3://firmware/godwit?region=eu-central-1" --blobs-fallback file:/var/lib/godwit',
    'godwit blobs move --to s3 --remove',
  )
}

async function moveTo({ to, dryRun = false, remove = false, json, ...settings }: Options): Promise<void> {
  const { moveBlobs } = await import('../../server/maintenance/move-blobs.ts')
  let progress: Progress | undefined
  const result = await moveBlobs(configOf(settings), {
    to,
    dryRun,
    remove,
    now: Date.now,
    onStart: (total) => {
      progress = startProgress(dryRun ? 'Looking' : 'Moving', total, 'bytes')
    },
    onBytes: (bytes) => progress?.add(bytes),
  })
    .catch(refuseAs({ invalid: EXIT.usage }))
    .finally(() => progress?.stop())
  if (json) printJson({ dryRun, ...result })
  else printResult(result, { dryRun, remove })
  if (result.left.length > 0)
    throw new CommandFailure(`${result.left.length} of ${result.files} files are in neither store whole`)
}

function printResult(result: MoveResult, { dryRun, remove }: { dryRun: boolean; remove: boolean }): void {
  const { to, files, moved, movedBytes, present, removed, removedBytes, left } = result
  const verb = dryRun ? 'would be moved' : 'moved'
  print(`${moved} of ${files} files ${verb} to ${to}, ${formatSize(movedBytes)}; ${present} were there already`)
  if (remove) print(`${removed} files taken from the old store, ${formatSize(removedBytes)}`)
  for (const { sha256, because } of left) print(`${because}: ${sha256}`)
  if (!dryRun && !remove && left.length === 0)
    note('The old store still has them; --remove takes them away once every server runs with both stores configured.')
}
