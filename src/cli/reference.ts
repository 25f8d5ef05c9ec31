import type { Command, Option } from 'commander'
import { createProgram } from './main.ts'
import { examplesOf } from './options/examples.ts'

const INTRODUCTION = `# The command

Installed it is \`godwit\`; in a checkout, \`npm run -s godwit -- ARGS\` after \`npm ci\`. \`godwit COMMAND --help\` says what stands
here. This page is made by \`npm run docs\` from the commands themselves.

**Server and account.** Commands that talk to a server take \`--server URL\` (\`GODWIT_SERVER\`; default: the server of the last
login, else \`http://127.0.0.1:8080\`), and one of \`--token\` (\`GODWIT_TOKEN\`), \`--email\` (\`GODWIT_EMAIL\`) with the password in
\`GODWIT_PASSWORD\` or asked for, or what \`godwit login\` kept. An option comes before the environment, and both before the
kept login; a kept token goes to its own server alone. \`--organisation KEY\` (\`GODWIT_ORGANISATION\`) is needed where the
account belongs to several; a server administrator names with it also those to which it does not belong. A
certificate of your own goes into \`NODE_EXTRA_CA_CERTS\`.

**Output.** What was asked for goes to standard output, everything else (progress, warnings, hints) to standard error. With
\`--json\` it is the answer of the [management API](api.md) as it came, and a refusal is its problem document on standard
error. Lists show one page; \`--all\` fetches every page.
Long work shows a progress bar on a terminal and plain lines elsewhere.

**Exit codes.** 0 done; 1 refused by the server, or failed; 2 wrong usage.

**Settings.** Commands that work on a server's own data take the [settings](configuration.md) as options, from the
environment or from \`godwit.yaml\`: \`--data\` and, for some, all the others.
`

/** Settings, server and account name their variable; they and `--json` are in the introduction once for all. */
function isCommon({ long, description }: Option): boolean {
  return long === '--json' || /\(GODWIT_\w+\)$/.test(description)
}

/** docs/cli.md. */
export function cliReference(): string {
  const program = createProgram()
  const groups = Map.groupBy(
    program.commands.filter((command) => command.name() !== 'help'),
    (command) => command.helpGroup(),
  )
  const chapters = [...groups].map(([title, commands]) => {
    const sections = commands.flatMap((command) => sectionsOf(command, ['godwit']))
    return [`## ${title.replace(/:$/, '')}`, ...sections].join('\n\n')
  })
  return `${[INTRODUCTION.trimEnd(), ...chapters].join('\n\n')}\n`
}

function sectionsOf(command: Command, parents: readonly string[]): string[] {
  const words = [...parents, command.name()]
  if (command.commands.length > 0) return command.commands.flatMap((child) => sectionsOf(child, words))
  const usage = [words.join(' '), ...command.registeredArguments.map((argument) => shown(argument.name(), argument))]
  const own = command.options.filter((option) => !isCommon(option))
  return [
    `### ${words.slice(1).join(' ')}`,
    `${sentence(command.description())} \`${usage.join(' ')}\``,
    ...(own.length > 0 ? [own.map(optionLine).join('\n')] : []),
    ['```', ...examplesOf(command), '```'].join('\n'),
  ]
}

function shown(name: string, argument: { readonly required: boolean; readonly variadic: boolean }): string {
  const full = argument.variadic ? `${name}...` : name
  return argument.required ? `<${full}>` : `[${full}]`
}

function optionLine(option: Option): string {
  const choices = option.argChoices ? ` (${option.argChoices.join(', ')})` : ''
  const fallback = typeof option.defaultValue === 'string' ? `; default ${option.defaultValue}` : ''
  const needed = option.mandatory ? '; needed' : ''
  return `- \`${option.flags}\`: ${option.description}${choices}${fallback}${needed}`
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
