import type { JsonObject } from '../../../domain/json/json.ts'
import { html, type Html } from '../../../domain/text/html.ts'
import { facts, notice, panel } from '../../markup/parts.ts'
import { counted, duration } from '../../markup/values.ts'
import { amount, object, pretty, rows, text } from '../../visit/reading.ts'

const KINDS = [
  ['tools', 'tool'],
  ['resources', 'resource'],
  ['resourceTemplates', 'resource template'],
  ['prompts', 'prompt'],
] as const

/** What a separate connection to a server found, message by message. */
export function inspectionPanel(found: JsonObject): Html {
  const { isOk, step, error, durationMs, transcript, output } = found
  const offers = KINDS.flatMap(([kind, one]) => {
    const number = amount(object(found['offers'])[kind]) ?? 0
    return number === 0 ? [] : [counted(number, one)]
  })
  const server = object(found['serverInfo'])
  return panel(
    'Inspection',
    html`
      ${
        isOk === true
          ? notice('good', 'It answers as an MCP server should')
          : notice('bad', `It failed at this step: ${text(step) ?? 'start'}`, html`<p>${text(error)}</p>`)
      }
      ${facts([
        ['Server', [text(server['name']), text(server['version'])].filter(Boolean).join(' ')],
        ['Protocol', text(found['protocolVersion'])],
        ['Offers', offers.join(', ')],
      ])}
      <details>
        <summary>Messages</summary>
        <ol class="stack">
          ${rows(transcript).map(entry)}
        </ol>
      </details>
      ${
        rows(output).length > 0 &&
        html`<details>
          <summary>What its process wrote</summary>
          <pre class="code">
${rows(output)
              .map((line) => text(line['text']) ?? '')
              .join('\n')}</pre>
        </details>`
      }
    `,
    { aside: `A separate connection, ${duration(amount(durationMs))}` },
  )
}

function entry({ atMs, what, text: said, tookMs, message }: JsonObject): Html {
  const took = amount(tookMs)
  return html`<li>
    <p>
      <span class="muted">${duration(amount(atMs))}</span> <b>${text(what)}</b> ${text(said)}
      ${took !== undefined && html`<span class="muted">after ${duration(took)}</span>`}
    </p>
    ${message !== undefined && html`<pre class="code">${pretty(message)}</pre>`}
  </li>`
}
