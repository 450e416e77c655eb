import type { Principal } from '../../domain/principal.ts'
import { publicPath } from '../../domain/public-path.ts'
import { type Html, html } from '../../domain/text/html.ts'
import type { Page } from '../pages/page.ts'
import { BASE_SCOPE, ENDPOINTS } from '../server/endpoints.ts'
import type { ConsentRequest } from './consent-request.ts'

const MAX_SHOWN = 12

/** What the consent page shows. */
export interface ConsentView {
  readonly request: ConsentRequest
  readonly principal: Principal
  /** The agent name that the client gets. */
  readonly agent: string
  /** Names of the servers that the client could use now. */
  readonly servers: readonly string[]
  readonly csrfToken: string
  readonly publicUrl: string
}

/** The page on which a person allows a client to act for it, or does not. */
export function consentPage({ request, principal, agent, servers, csrfToken, publicUrl }: ConsentView): Page {
  const { client, redirectUri, resources, scopes } = request
  const target = redirectTarget(redirectUri)
  const further = scopes.filter((scope) => scope !== BASE_SCOPE)
  return {
    title: `Allow ${client.name} to use your tools?`,
    formTargets: [target.source],
    content: html`
      <p>
        You are signed in as <strong>${principal.subject}</strong> of <strong>${principal.tenantId}</strong>.
        The program will act with your roles until you revoke it.
      </p>
      ${
        client.publisher === undefined
          ? html`<p class="warn">
              This name was given by the program itself. Allow it only if you started it just now.
            </p>`
          : html`<p>Published by <strong>${client.publisher}</strong>.</p>`
      }
      <dl>
        <dt>Sends you back to</dt>
        <dd>
          ${target.shown}${target.isLocal ? html`<br /><span class="soft">a program on your computer</span>` : undefined}
        </dd>
        <dt>Servers that it can use</dt>
        <dd>${listOf(servers, 'none of today’s')}</dd>
        ${
          further.length > 0
            ? html`<dt>Scopes</dt>
                <dd>${listOf(further, '')}</dd>`
            : undefined
        }
        <dt>Address</dt>
        <dd>${resources.join(', ')}</dd>
        <dt>Agent name in rules and records</dt>
        <dd><code>${agent}</code></dd>
      </dl>
      <form method="post" action="${publicPath(publicUrl, `${ENDPOINTS.interaction}/${request.uid}`)}">
        <input type="hidden" name="csrf" value="${csrfToken}" />
        <div class="actions">
          <button class="main" name="decision" value="allow">Allow</button>
          <button name="decision" value="deny">Deny</button>
        </div>
      </form>
    `,
  }
}

interface RedirectTarget {
  readonly shown: string
  /** The source expression for the policy of the page, which forms may lead to. */
  readonly source: string
  readonly isLocal: boolean
}

/** Where a person is sent afterwards: the host, or the scheme of a program. */
function redirectTarget(redirectUri: string): RedirectTarget {
  const { protocol, hostname, host, origin } = new URL(redirectUri)
  if (protocol !== 'https:' && protocol !== 'http:')
    return { shown: protocol, source: protocol, isLocal: true }
  return { shown: host, source: origin, isLocal: /^(localhost|127\.|\[::1\])/.test(hostname) }
}

function listOf(names: readonly string[], none: string): Html {
  if (names.length === 0) return html`<span class="soft">${none}</span>`
  const rest = names.length - MAX_SHOWN
  const shown = names.slice(0, MAX_SHOWN).map((name) => html`<li>${name}</li>`)
  return html`<ul>
    ${shown}${rest > 0 ? html`<li>and ${rest} more</li>` : undefined}
  </ul>`
}
