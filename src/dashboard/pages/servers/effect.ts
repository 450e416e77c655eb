import type { JsonObject } from '../../../domain/json/json.ts'
import { html, type Html } from '../../markup/html.ts'
import { notice } from '../../markup/parts.ts'
import { counted } from '../../markup/values.ts'
import { rows, text, texts } from '../../visit/reading.ts'

const MAX_NAMED = 12

/** Who would gain and lose what by an edit, as a simulation says it. */
export function effectOf(simulation: JsonObject): Html {
  const documents = rows(simulation['documents'])
  const changed = documents.filter(({ change }) => change !== 'none')
  if (changed.length === 0) return notice('calm', 'The document is valid, and the same as the stored one')
  const fields = [...new Set(changed.flatMap((each) => texts(each['fields'])))]
  const lines = [
    ...rows(simulation['roles']).flatMap((each) => changes(`Role ${text(each['role']) ?? 'none'}`, each)),
    ...rows(simulation['agents']).flatMap((each) =>
      changes(`Agent ${text(each['agent']) ?? 'not named'}`, each),
    ),
    ...rows(simulation['sessions']).flatMap((each) =>
      changes(`Session of ${text(each['subject']) ?? 'a person'} (${text(each['transport']) ?? ''})`, each),
    ),
  ]
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

function changes(who: string, each: JsonObject): string[] {
  const gained = texts(each['gained'])
  const lost = texts(each['lost'])
  return [
    ...(gained.length === 0 ? [] : [`${who} gains ${named(gained)}`]),
    ...(lost.length === 0 ? [] : [`${who} loses ${named(lost)}`]),
  ]
}

function named(tools: readonly string[]): string {
  if (tools.length <= MAX_NAMED) return tools.join(', ')
  return `${counted(tools.length, 'tool')}, among them ${tools.slice(0, MAX_NAMED).join(', ')}`
}
