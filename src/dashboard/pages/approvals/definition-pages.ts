import type { JsonObject } from '../../../domain/json/json.ts'
import { attribute, html, type Html, type Part } from '../../../domain/text/html.ts'
import { csrfField } from '../../markup/layout.ts'
import type { Page } from '../../markup/page.ts'
import { facts, notice, pageHead, panel } from '../../markup/parts.ts'
import { ago } from '../../markup/values.ts'
import { problemNotice } from '../../visit/problem-notice.ts'
import { addressOf, approveAll, definitionList, stateOfPin } from './definition-list.ts'
import { rows, text, texts } from '../../visit/reading.ts'
import { segment } from '../../visit/rest-client.ts'
import type { PageRoute, Visit } from '../../visit/visit.ts'

/** All definitions of tools with what is trusted of them; one beside the trusted one, and approving it. */
export function definitionPages(): readonly PageRoute[] {
  return [
    { method: 'get', path: '/approvals/definitions', answer: (visit) => definitionList(visit) },
    { method: 'post', path: '/approvals/definitions', answer: approveAll },
    { method: 'get', path: '/approvals/definitions/:tool', answer: (visit) => page(visit) },
    { method: 'post', path: '/approvals/definitions/:tool', answer: approve },
  ]
}

async function page(visit: Visit, said?: Part): Promise<Page> {
  const { rest, look, params } = visit
  const pin = await rest.get(`/v1/pins/${segment(params['tool'] ?? '')}`)
  const id = text(pin['id']) ?? ''
  const isWaiting = pin['state'] !== 'pinned'
  const body = html`
    ${pageHead(`Definition of ${id}`, {
      back: html`<a href="${look.at('/dashboard/approvals')}">Approvals</a>`,
      about: `What the server ${text(pin['server']) ?? ''} says of its tool, which is what models read.`,
    })}
    <div id="outcome" class="stack">${said}</div>
    ${panel(
      'Definition',
      facts([
        ['State', stateOfPin(pin)],
        ['Hash', html`<code>${text(pin['hash'])}</code>`],
        ['Trusted since', ago(text(pin['pinnedAt']), look.nowMs)],
        ['Approved by', text(pin['approvedBy'])],
      ]),
    )}
    ${isWaiting && panel('What is different', differenceOf(pin))}
    ${isWaiting && panel('Answer', answerTo(visit, pin))}
  `
  return { title: `Definition of ${id}`, section: 'approvals', body }
}

function differenceOf({ changes, state: is, pinned }: JsonObject): Html {
  return html`<div class="stack">
    ${
      is === 'changed' &&
      pinned === undefined &&
      notice('calm', 'What it was is not kept', html`<p>This is what it is now.</p>`)
    }
    ${rows(changes).map(
      ({ field, lines }) =>
        html`<h3><code>${text(field)}</code></h3>
          <pre tabindex="0" class="code difference">${texts(lines).map(differenceLine)}</pre>`,
    )}
    <p class="muted">
      Lines with - are what it was, with + what it is. Characters that cannot be seen are codes.
    </p>
  </div>`
}

function differenceLine(line: string): Html {
  const className = line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : undefined
  return html`<span${attribute('class', className)}>${line}\n</span>`
}

/** Yes, or what no means: a definition that nobody approves stays as it is. */
function answerTo(visit: Visit, pin: JsonObject): Html {
  const { look } = visit
  const isHeld = pin['isHeld'] === true
  const edit = html`<a href="${look.at(`/dashboard/servers/${segment(text(pin['server']) ?? '')}/edit`)}"
    >the document of the server</a
  >`
  return html`<div class="stack">
    ${
      pin['mayApprove'] === true
        ? form(visit, pin)
        : notice(
            'calm',
            'You may not approve definitions',
            html`<p>Pass the address of this page on to an approver.</p>`,
          )
    }
    <p class="muted">
      ${
        isHeld
          ? html`Not yet? Leave it: the tool stays held back and cannot be called. To drop it, exclude it in
            ${edit}.`
          : html`The tool can be used as it is now, because changes of this server are only reported.
              <code>toolChanges: hold</code> in ${edit} holds them back.`
      }
    </p>
    <p>
      <a class="button" href="${look.at('/dashboard/approvals')}"
        >${isHeld ? 'Keep it held back' : 'Back to the approvals'}</a
      >
    </p>
  </div>`
}

function form(visit: Visit, { id, hash }: JsonObject): Html {
  return html`<form method="post" action="${visit.look.at(addressOf(id))}">
    ${csrfField(visit.csrfToken)}<input type="hidden" name="expect" value="${text(hash)}" />
    <button class="primary" type="submit">Approve exactly this definition</button>
  </form>`
}

async function approve(visit: Visit): Promise<Page> {
  const { rest, form: sent, params } = visit
  try {
    const path = `/v1/pins/${segment(params['tool'] ?? '')}/approve`
    await rest.post(path, { expect: sent.get('expect') ?? '' })
    return await page(
      visit,
      notice('good', 'You approved the definition', html`<p>The tool can be used.</p>`),
    )
  } catch (error) {
    return page(visit, problemNotice(error))
  }
}
