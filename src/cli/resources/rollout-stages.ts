import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { isJsonObject } from '../client/json.ts'
import { usage } from '../exit.ts'
import { gather, type Options } from '../options/options.ts'
import { parseStage, STAGE_HELP, type StageBody } from './stage-grammar.ts'

/** `--stage`, which may be repeated, and `--stages FILE` for everything that a stage can be. */
export function withStages(command: Command): Command {
  return command
    .option('--stage <stage>', `a stage; may be repeated: ${STAGE_HELP}`, gather)
    .option('--stages <file>', 'all stages, as a list in YAML or JSON, each as the API takes it or as --stage does')
}

/** The stages that were given; undefined without any. */
export async function stagesOf(options: Options): Promise<StageBody[] | undefined> {
  const flags = options.list('stage')
  const file = options.text('stages')
  if (file === undefined) return flags.length === 0 ? undefined : flags.map(parseStage)
  if (flags.length > 0) throw usage('give either --stage or --stages')
  return readStages(file)
}

async function readStages(file: string): Promise<StageBody[]> {
  const { parse } = await import('yaml')
  let content: unknown
  try {
    content = parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw usage(`--stages ${file}: ${cause instanceof Error ? cause.message : 'cannot be read'}`)
  }
  const list = isJsonObject(content) ? content['stages'] : content
  if (!Array.isArray(list)) throw usage(`--stages ${file}: is not a list of stages`)
  return list.map((entry: unknown, index) => stageOf(entry, `--stages ${file}: entry ${index + 1}`))
}

/** YAML reads `10` as a number; the grammar means the first ten devices. */
function stageOf(entry: unknown, what: string): StageBody {
  if (typeof entry === 'string' || typeof entry === 'number') return parseStage(String(entry))
  if (!isJsonObject(entry)) throw usage(`${what} is no stage`)
  return entry
}
