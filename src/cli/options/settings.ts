import { type Command, Option } from 'commander'
import { loadConfig } from '../../server/config/load-config.ts'
import { type Config, SETTINGS, type Setting } from '../../server/config/settings.ts'
import { isOtaError } from '../../server/errors.ts'
import { usage } from '../exit.ts'

/** Adds the settings that have a flag, so that flag, environment, file and default meet in one place. */
export function withSettings(command: Command, only?: ReadonlyArray<Setting['name']>): Command {
  for (const setting of SETTINGS)
    if (setting.flag !== undefined && (only === undefined || only.includes(setting.name)))
      command.addOption(new Option(`--${setting.flag} <value>`, `${setting.meaning} (${setting.env})`))
  return command
}

/** What commands need that work on a stopped server's data. */
export const DATA_SETTINGS = ['data', 'databaseUrl', 'blobs', 'blobsFallback'] as const

/** The effective configuration of a command that was given settings as flags. A bad one is wrong usage. */
export function configOf(options: Readonly<Record<string, unknown>>): Config {
  const flags = Object.fromEntries(
    Object.entries(options).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
  try {
    return loadConfig({ flags, env: process.env, cwd: process.cwd() })
  } catch (error) {
    throw isOtaError(error, 'invalid') ? usage(error.message) : error
  }
}
