import { attribute, html, type Html } from '../../../domain/text/html.ts'
import { pageForm } from '../../markup/forms.ts'
import { csrfField } from '../../markup/layout.ts'
import type { Visit } from '../../visit/visit.ts'
import { type ServerRow, serverPath } from './server-row.ts'

/** What can be done with a server; each is a form, so that it works without scripts. */
export function serverActions(
  { name, state: now, isEnabled, isForAll }: ServerRow,
  visit: Visit,
  path: string,
): Html {
  const isStopped = ['stopped', 'draining', 'failed'].includes(now)
  return html`
    ${pageForm(
      visit,
      { action: path, className: 'row' },
      html`${isEnabled && (isStopped ? button('start', 'Start') : button('stop', 'Stop'))}
      ${isEnabled && button('restart', 'Restart')} ${button('inspect', 'Inspect')}`,
    )}
    <a class="button" href="${visit.look.at(serverPath({ name, isForAll }, '/edit'))}">Edit</a>
    <button class="danger" type="button" popovertarget="remove">Remove</button>
    <div id="remove" popover aria-labelledby="remove-title">
      <form class="stack" method="post" action="${path}">
        ${csrfField(visit.csrfToken)}
        <h2 id="remove-title">Remove ${name}?</h2>
        <p>Its tools disappear for everybody at once, and its document is deleted from the registry.</p>
        <div class="row">
          ${button('remove', 'Remove', 'danger')}
          <button type="button" popovertarget="remove" popovertargetaction="hide">Keep it</button>
        </div>
      </form>
    </div>
  `
}

function button(action: string, title: string, className?: string): Html {
  return html`<button type="submit" name="action" value="${action}" ${attribute('class', className)}>
    ${title}
  </button>`
}
