import { EVENT_CHAPTERS } from './event-types.ts'

/** Every type of event with its facts, as Markdown, for docs/events.md. */
export function eventReference(): string {
  return EVENT_CHAPTERS.map(({ title, types }) => {
    const rows = Object.entries(types).map(
      ([type, { meaning, details }]) => `| \`${type}\` | ${meaning} | ${factsOf(details)} |`,
    )
    return [`### ${title}`, '', '| type | when | `details` |', '|---|---|---|', ...rows].join('\n')
  }).join('\n\n')
}

function factsOf(details: Readonly<Record<string, string>>): string {
  return Object.entries(details)
    .map(([name, text]) => `\`${name.replace(/\?$/, '')}\`${name.endsWith('?') ? ' (may be absent)' : ''} ${text}`)
    .join('; ')
}

const BEGIN = '<!-- made by npm run docs: types of events -->'
const END = '<!-- end -->'

/** The page with its list of types made anew. Throws when the page has no place for it. */
export function withEventReference(page: string): string {
  const [before, rest] = page.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error(`the page needs "${BEGIN}" and "${END}"`)
  return `${before}${BEGIN}\n\n${eventReference()}\n\n${END}${after}`
}
