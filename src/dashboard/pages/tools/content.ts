import type { JsonObject } from '../../../domain/json/json.ts'
import { html, type Html } from '../../../domain/text/html.ts'
import { empty } from '../../markup/parts.ts'
import { size } from '../../markup/values.ts'
import { object, pretty, rows, text } from '../../visit/reading.ts'

const MAX_SHOWN = 100_000
/** Kinds that browsers draw and that cannot hold a script. */
const PICTURES = /^image\/(png|jpeg|gif|webp)$/

/** The content of a result, each block as what it is. */
export function contentOf({ content }: JsonObject): Html {
  const blocks = rows(content)
  return blocks.length === 0 ? empty('The result has no content') : html`${blocks.map(block)}`
}

function block(content: JsonObject): Html {
  const { type, data, mimeType } = content
  switch (type) {
    case 'text':
      return shownText(text(content['text']) ?? '')
    case 'image':
      return picture(text(data) ?? '', text(mimeType) ?? '')
    case 'resource':
      return resource(object(content['resource']))
    case 'resource_link':
      return html`<p><b>${text(content['name']) ?? 'Resource'}</b> <code>${text(content['uri'])}</code></p>`
    default:
      return html`<pre class="code scroll" tabindex="0">${pretty(content)}</pre>`
  }
}

/** JSON in a text is laid out: most results are that. */
function shownText(said: string): Html {
  const cut = said.length > MAX_SHOWN ? `${said.slice(0, MAX_SHOWN)}…` : said
  return html`<pre class="code scroll" tabindex="0">${asJson(cut) ?? cut}</pre>`
}

function asJson(said: string): string | undefined {
  if (!/^\s*[[{]/.test(said)) return undefined
  try {
    return pretty(JSON.parse(said))
  } catch {
    return undefined
  }
}

function picture(data: string, mimeType: string): Html {
  if (!PICTURES.test(mimeType)) return html`<p class="muted">${mimeType}, ${size(bytesOf(data))}</p>`
  return html`<img src="data:${mimeType};base64,${data}" alt="Image of the result" />`
}

function resource(content: JsonObject): Html {
  const said = text(content['text'])
  return html`<p>
      <code>${text(content['uri'])}</code> <span class="muted">${text(content['mimeType'])}</span>
    </p>
    ${said === undefined ? html`<p class="muted">Binary, ${size(bytesOf(text(content['blob']) ?? ''))}</p>` : shownText(said)}`
}

function bytesOf(base64: string): number {
  return Math.floor((base64.length * 3) / 4)
}
