import type { JsonObject } from '../../../domain/json/json.ts'
import { html, type Html, type Part } from '../../../domain/text/html.ts'
import { csrfField } from '../../markup/layout.ts'
import type { Page } from '../../markup/page.ts'
import { facts, notice, pageHead, panel, state, type Tone } from '../../markup/parts.ts'
import { ago, distance, size } from '../../markup/values.ts'
import { amount, object, text } from '../../visit/reading.ts'
import { segment } from '../../visit/rest-client.ts'
import type { Visit } from '../../visit/visit.ts'

const STATUS: Readonly<Record<string, readonly [name: string, tone: Tone]>> = {
  open: ['waiting', 'busy'],
  approved: ['approved', 'good'],
  used: ['made', 'good'],
  denied: ['denied', 'bad'],
}

/** What has become of a request, as a mark. */
export function statusOf({ status }: JsonObject): Html {
  const name = text(status) ?? ''
  return state(...(STATUS[name] ?? [name, 'calm']))
}

/** One request for approval: what the call would do, who asks, and the answer. */
export function onePage(visit: Visit, request: JsonObject, said?: Part): Page {
  const { nowMs } = visit.look
  const tool = text(request['tool']) ?? ''
  const server = text(request['server']) ?? ''
  const requester = object(request['requester'])
  const answer = object(request['answer'])
  const body = html`
    ${pageHead(`Call of ${tool}`, {
      back: html`<a href="${visit.look.at('/dashboard/approvals')}">Approvals</a>`,
      about: `At the server ${server}. It is made once, with exactly these arguments, and only after a yes.`,
    })}
    <div id="outcome" class="stack">${said}</div>
    ${panel(
      'Request',
      facts([
        ['State', statusOf(request)],
        ['In the name of', text(requester['subject'])],
        ['Agent', text(requester['agent'])],
        ['Program', requester['client'] !== undefined && html`${text(requester['client'])} (not verified)`],
        [
          'Needs',
          request['rule'] === 'caller'
            ? 'the yes of that person, or of an approver'
            : 'the yes of a second person, who is an approver',
        ],
        ['Asked', ago(text(request['createdAt']), nowMs)],
        ['Ends in', distance(Date.parse(text(request['expiresAt']) ?? '') - nowMs)],
        ['Answered by', text(answer['by'])],
        ['Reason', text(answer['reason'])],
      ]),
    )}
    ${panel(
      'Arguments',
      html`<pre tabindex="0"><code>${text(request['readableArguments'])}</code></pre>
        <p class="muted">
          ${size(amount(request['argumentBytes']) ?? 0)}. Secrets are left out; characters that cannot be seen
          are shown as codes.
        </p>`,
    )}
    ${request['status'] === 'open' && answerForms(visit, request)}
  `
  return { title: `Call of ${tool}`, section: 'approvals', body }
}

function answerForms(visit: Visit, request: JsonObject): Html {
  const mayApprove = request['mayApprove'] === true
  const isOwn = object(request['requester'])['subject'] === visit.identity.principal.subject
  return panel(
    'Answer',
    html`<div class="stack">
      ${
        !mayApprove &&
        notice(
          'calm',
          isOwn ? 'A second person has to approve this call' : 'You may not approve this call',
          html`<p>Pass the address of this page on to an approver.</p>`,
        )
      }
      ${mayApprove && form(visit, request, 'approve', html`<button class="primary" type="submit">Approve this call</button>`)}
      ${
        (mayApprove || isOwn) &&
        form(
          visit,
          request,
          'deny',
          html`<label class="field"
              ><span>Reason, for the caller</span><input name="reason" maxlength="500" autocomplete="off"
            /></label>
            <div class="row"><button class="danger" type="submit">Deny</button></div>`,
        )
      }
    </div>`,
  )
}

// oxlint-disable-next-line max-params
function form(visit: Visit, request: JsonObject, answer: 'approve' | 'deny', fields: Html): Html {
  const here = visit.look.at(`/dashboard/approvals/${segment(text(request['id']) ?? '')}`)
  return html`<form class="stack" method="post" action="${here}">
    ${csrfField(visit.csrfToken)}<input type="hidden" name="answer" value="${answer}" />${fields}
  </form>`
}
