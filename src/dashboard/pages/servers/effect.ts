import type { JsonObject } from '../../../domain/json/json.ts'
import { html, type Html } from '../../../domain/text/html.ts'
import { notice } from '../../markup/parts.ts'
import { counted } from '../../markup/values.ts'
import { rows, text, texts } from '../../visit/reading.ts'

const MAX_NAMED = 6

/** Who would gain and lose what by an edit, as a simulation says it. */
export function effectOf(simulation: JsonObject): Html {
  const documents = rows(simulation['documents'])
  const changed = documents.filter(({ change }) => change !== 'none')
  if (changed.length === 0) return notice('calm', 'The document is valid, and the same as the stored one')
  const fields = [...new Set(changed.flatMap((each) => texts(each['fields'])))]
  const lines = grouped([
    ...rows(simulation['roles']).flatMap((each) => changes(`role ${text(each['role']) ?? 'none'}`, each)),
    ...rows(simulation['agents']).flatMap((each) =>
      changes(`agent ${text(each['agent']) ?? 'not named'}`, each),
    ),
    ...rows(simulation['sessions']).flatMap((each) =>
      changes(`open session of ${text(each['subject']) ?? 'a person'}`, each),
    ),
  ])
  return notice(
    'good',
    `The document is valid. It changes: ${fields.join(', ') || 'everything'}`,
    lines.length === 0
      ? html`<p>No caller gains or loses a tool.</p>`
      : html`<ul>
          ${lines.map((line) => html`<li>${line}</li>`)}
        </ul>`,
  )
}

/** That somebody gains or loses tools. */
interface Change {
  readonly who: string
  readonly verb: 'gain' | 'lose'
  readonly tools: readonly string[]
}

function changes(who: string, each: JsonObject): Change[] {
  const both: Change[] = [
    { who, verb: 'gain', tools: texts(each['gained']) },
    { who, verb: 'lose', tools: texts(each['lost']) },
  ]
  return both.filter(({ tools }) => tools.length > 0)
}

/** One line for all to whom the same happens. */
function grouped(all: readonly Change[]): string[] {
  const groups = Map.groupBy(all, ({ verb, tools }) => `${verb} ${named(tools)}`)
  return [...groups].map(([what, same]) => {
    const people = [...Map.groupBy(same, ({ who }) => who)].map(([who, times]) =>
      times.length > 1 ? `${who} (${times.length})` : who,
    )
    const line = `${people.join(', ')}: ${what}`
    return line.charAt(0).toUpperCase() + line.slice(1)
  })
}

function named(tools: readonly string[]): string {
  if (tools.length <= MAX_NAMED) return tools.join(', ')
  return `${counted(tools.length, 'tool')}: ${tools.slice(0, MAX_NAMED).join(', ')} and ${tools.length - MAX_NAMED} more`
}
