import type { JsonObject } from '../../../domain/json/json.ts'
import { html, type Html } from '../../../domain/text/html.ts'
import { notice } from '../../markup/parts.ts'
import { counted } from '../../markup/values.ts'
import { pretty, rows, text, texts } from '../../visit/reading.ts'
import { masked } from '../../../registry/mask.ts'

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

/** What adding a server would do: nobody knows its tools yet, but who may use them is known. */
export function addedEffect(simulation: JsonObject, document: JsonObject): Html {
  const change = rows(simulation['documents'])[0]?.['change']
  if (change !== 'added') return notice('busy', 'There is a server of this name; adding it would be refused')
  const waiting = rows(simulation['sessions']).filter(({ pending }) => texts(pending).length > 0)
  return notice(
    'good',
    'The document is valid',
    html`<p>${whoMayUse(document)} Its tools are known once it has started.</p>
      ${
        waiting.length > 0 &&
        html`<p>
          ${counted(waiting.length, 'open session')} would get them:
          ${[...new Set(waiting.map(({ subject }) => text(subject)))].join(', ')}.
        </p>`
      }
      <details>
        <summary>The document</summary>
        <pre class="code" tabindex="0">${pretty(masked(document))}</pre>
      </details>`,
  )
}

function whoMayUse({ requiredRoles, agentAllowlist }: JsonObject): string {
  const roles = texts(requiredRoles)
  const agents = texts(agentAllowlist)
  const who =
    roles.length === 0
      ? 'Everybody in the tenant may use it'
      : `It may be used with ${roles.length > 1 ? 'one of the roles' : 'the role'} ${roles.join(', ')}`
  return agents.length === 0 ? `${who}.` : `${who}, by the agents ${agents.join(', ')}.`
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
