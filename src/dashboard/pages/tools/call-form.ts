import { isJsonObject, type JsonObject } from '../../../domain/json/json.ts'
import { inputsOf } from '../../forms/field-inputs.ts'
import { argumentsOf, type FilledIn } from '../../forms/field-values.ts'
import { type Field, fieldsOf } from '../../forms/schema-fields.ts'
import { html, type Html } from '../../../domain/text/html.ts'
import { csrfField } from '../../markup/layout.ts'
import { notice, panel, state } from '../../markup/parts.ts'
import { problemNotice } from '../../visit/problem-notice.ts'
import { count, duration, tokensOf } from '../../markup/values.ts'
import { segment } from '../../visit/rest-client.ts'
import { object, pretty } from '../../visit/reading.ts'
import type { Visit } from '../../visit/visit.ts'
import { contentOf } from './content.ts'

/** The form of a tool, and what was sent with it. */
export interface FormState {
  readonly fields: readonly Field[]
  /** What was filled in; undefined before it was sent. */
  readonly filledIn: FilledIn | undefined
  readonly entered: URLSearchParams
}

/** The form of a tool as it is now. */
export function formStateOf(tool: JsonObject, { form }: Visit): FormState {
  const fields = fieldsOf(tool['inputSchema'])
  const isSent = form.get('call') !== null
  return { fields, filledIn: isSent ? argumentsOf(fields, form) : undefined, entered: form }
}

/** The form that calls a tool, made from its schema; the result replaces what is in `#result`. */
export function callForm({ csrfToken }: Visit, path: string, { fields, filledIn, entered }: FormState): Html {
  const problems = filledIn?.problems ?? new Map<string, string>()
  return html`<form
    class="stack"
    method="post"
    action="${path}"
    hx-post="${path}"
    hx-target="#result"
    hx-select="#result"
    hx-swap="outerHTML"
    hx-disable="find button"
  >
    ${csrfField(csrfToken)}<input type="hidden" name="call" value="1" />
    ${fields.length === 0 ? html`<p class="muted">It takes no arguments.</p>` : inputsOf(fields, { values: entered, problems })}
    <div class="row"><button class="primary" type="submit">Call the tool</button></div>
  </form>`
}

/** What a call that was asked for gave; undefined where none was. */
export async function callOutcome(
  { rest, look }: Visit,
  id: string,
  { filledIn }: FormState,
): Promise<Html | undefined> {
  if (filledIn === undefined) return undefined
  const { arguments: args, problems } = filledIn
  if (problems.size > 0)
    return panel(
      'Result',
      notice(
        'bad',
        'Not called: some values cannot be read',
        html`<ul>
          ${[...problems].map(([name, problem]) => html`<li>${shownName(name)}: ${problem}</li>`)}
        </ul>`,
      ),
    )
  const startedAt = performance.now()
  try {
    const result = await rest.post(`/v1/tools/${segment(id)}`, { arguments: args })
    return resultPanel(result, args, performance.now() - startedAt, id, look.at(`/v1/tools/${segment(id)}`))
  } catch (error) {
    return panel('Result', problemNotice(error), { aside: duration(performance.now() - startedAt) })
  }
}

// oxlint-disable-next-line max-params
function resultPanel(result: JsonObject, args: JsonObject, tookMs: number, id: string, path: string): Html {
  const isError = result['isError'] === true
  const tokens = tokensOf(result['content']) + tokensOf(args)
  return panel(
    'Result',
    html`
      ${contentOf(result)}
      ${
        isJsonObject(result['structuredContent']) &&
        html`<details>
          <summary>Structured content</summary>
          <pre class="code scroll" tabindex="0">${pretty(object(result['structuredContent']))}</pre>
        </details>`
      }
      <details>
        <summary>The same with curl</summary>
        <pre class="code">${curlOf(path, args)}</pre>
      </details>
    `,
    {
      aside: html`${isError ? state('tool error', 'bad') : state('ok')} · ${duration(tookMs)} · ≈
        ${count(tokens)} tokens<span class="hidden"> from ${id}</span>`,
    },
  )
}

function curlOf(path: string, args: JsonObject): string {
  const body = JSON.stringify({ arguments: args }).replaceAll("'", String.raw`'\''`)
  return `curl -s "$GATEWAY${path}" -H "Authorization: Bearer $TOOL_GATEWAY_TOKEN" \\\n  -H 'Content-Type: application/json' -d '${body}'`
}

function shownName(name: string): string {
  return name
    .replace(/^arg\//, '')
    .split('/')
    .map(decodeURIComponent)
    .join('.')
}
