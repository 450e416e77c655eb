import type { JsonObject } from '../../../domain/json/json.ts'
import { html, type Html } from '../../../domain/text/html.ts'
import { facts, notice, state } from '../../markup/parts.ts'
import { table } from '../../markup/table.ts'
import { object, rows, text, texts } from '../../visit/reading.ts'

/** Why a caller may or may not use something: the answer, what would change it, and each rule that was looked at. */
export function explanation(answer: JsonObject): Html {
  const { effect, callable, ruleId } = answer
  const target = object(answer['target'])
  const reason = object(answer['reason'])
  const isAllowed = effect === 'allow'
  const what = text(target['name']) ?? ''
  const title =
    isAllowed && callable === true
      ? `${what} may be used`
      : isAllowed
        ? `${what} may be used, but a call would not reach it now`
        : `${what} may not be used`
  return html`
    ${notice(isAllowed ? (callable === true ? 'good' : 'busy') : 'bad', title, html`<p>${text(reason['text'])}</p>`)}
    ${facts([
      ['Rule', html`<code>${text(ruleId)}</code>`],
      ['Document', text(reason['document']) && html`<code>${text(reason['document'])}</code>`],
      ['Field', text(reason['field']) && html`<code>${text(reason['field'])}</code>`],
      ['Value', shownValue(reason['value'])],
      ['The caller has', shownValue(reason['given'])],
    ])}
    ${list('What would change the answer', texts(answer['remedies']))} ${obstacles(rows(answer['obstacles']))}
    ${list('Names near this one', texts(answer['suggestions']))}
    ${text(object(answer['whoCan'])['text']) && html`<p><b>Who can:</b> ${text(object(answer['whoCan'])['text'])}</p>`}
    ${checks(rows(answer['checks']))}
  `
}

function obstacles(found: readonly JsonObject[]): Html {
  return html`${found.map(({ text: said, isBlocking, remedies }) =>
    notice(isBlocking === true ? 'bad' : 'busy', text(said), list('', texts(remedies))),
  )}`
}

function list(title: string, entries: readonly string[]): Html {
  if (entries.length === 0) return html``
  return html`<div>
    ${title !== '' && html`<h3>${title}</h3>`}
    <ul class="plain">
      ${entries.map((entry) => html`<li>${entry}</li>`)}
    </ul>
  </div>`
}

function checks(found: readonly JsonObject[]): Html {
  if (found.length === 0) return html``
  return html`<details>
    <summary>Every rule, in order</summary>
    ${table(
      'Rules that were looked at',
      [
        { title: 'Rule', kind: 'main', cell: ({ ruleId }) => html`<code>${text(ruleId)}</code>` },
        {
          title: 'Passed',
          cell: ({ isMet }) => (isMet === true ? state('yes', 'good') : state('no', 'bad')),
        },
        { title: 'Field', cell: ({ field }) => text(field) && html`<code>${text(field)}</code>` },
        { title: 'Value', cell: ({ value }) => shownValue(value) },
        { title: 'The caller has', cell: ({ given }) => shownValue(given) },
      ],
      found,
    )}
  </details>`
}

function shownValue(value: unknown): Html | undefined {
  if (value === null || value === undefined) return undefined
  return html`<code>${typeof value === 'string' ? value : JSON.stringify(value)}</code>`
}
