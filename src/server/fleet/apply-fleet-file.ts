import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { applyFleet } from '../../api/fleet/apply-fleet.ts'
import type { FleetResult } from '../../api/fleet/fleet-run.ts'
import { fleetError, type ParsedFleet, parseFleetFile } from '../../api/fleet/parse-fleet-file.ts'
import type { BlobDigests } from '../../core/blobs.ts'
import type { Core } from '../../core/create-core.ts'
import { invalid } from '../../core/errors.ts'
import { SYSTEM } from '../../core/event/event.ts'
import { keepBlob } from '../../core/firmware/keep-blob.ts'

/** Applies a fleet file from the server's own disk, with full rights; paths in it are relative to it. */
export async function applyFleetFile(
  core: Core,
  path: string,
  options: { dryRun?: boolean; prune?: boolean } = {},
): Promise<FleetResult> {
  if (!existsSync(path)) throw invalid('fleet', `${path} does not exist`)
  const parsed = parseFleetFile(readFileSync(path, 'utf8'))
  const files = new Map<string, BlobDigests>()
  for (const [name, line] of filesOf(parsed)) {
    const file = resolve(dirname(path), name)
    if (!existsSync(file)) throw fleetError(line, `the file "${name}" does not exist`)
    const staged = await core.deps.blobs.stage(createReadStream(file), { maxBytes: core.deps.limits.firmwareBytes })
    try {
      await keepBlob(core.deps, staged)
    } finally {
      await staged.discard()
    }
    files.set(name, staged.digests)
  }
  return applyFleet(core, parsed, { ...options, actor: SYSTEM, files, authorise: () => undefined })
}

/** The files that a fleet file names, each with the line of its first use. */
export function filesOf(parsed: ParsedFleet): Map<string, number> {
  const files = new Map<string, number>()
  for (const [index, organisation] of parsed.fleet.organisations.entries())
    for (const [row, firmware] of (organisation.firmware ?? []).entries())
      if (!files.has(firmware.file))
        files.set(firmware.file, parsed.lineOf(['organisations', index, 'firmware', row, 'file']))
  return files
}
