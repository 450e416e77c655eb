import type { ConsentLink } from '../../credentials/consent/consent-links.ts'
import type { OAuthServer } from '../../credentials/authorization/discovery.ts'
import { publicPath } from '../../domain/public-path.ts'
import type { BrowserSession } from '../../identity/browser-sessions.ts'
import { html } from '../../domain/text/html.ts'
import type { Page } from '../pages/page.ts'

/** The page on which a person agrees to connect an account. */
export function consentPage(
  server: OAuthServer,
  session: BrowserSession,
  { publicUrl, code, link }: { publicUrl: string; code: string | undefined; link: ConsentLink | undefined },
): Page {
  const { name } = server
  const { subject, tenantId } = session.principal
  const whose =
    server.auth.per === 'user'
      ? html`Calls that agents make for you, <strong>${subject}</strong>, are then made with your account at
          ${name}, and with no other.`
      : html`All calls of the tenant <strong>${tenantId}</strong> are then made with the account at ${name}
          that you connect.`
  return {
    title: `Connect ${name}`,
    content: html`<p>
        ${link?.agent === undefined ? html`An agent` : html`<strong>${link.agent}</strong>`} uses
        <strong>${name}</strong>
        through this gateway.
      </p>
      <p>${whose}</p>
      ${
        link === undefined || link.scopes.length === 0
          ? undefined
          : html`<p>It asks for more than was granted:</p>
              <ul>
                ${link.scopes.map((scope) => html`<li><code>${scope}</code></li>`)}
              </ul>`
      }
      <p class="soft">
        You sign in at ${name} next. The gateway keeps what it gets there encrypted, and you can disconnect it
        at any time.
      </p>
      <form method="post" action="${publicPath(publicUrl, `/connect/${name}`)}">
        <input type="hidden" name="csrf" value="${session.csrfToken}" />
        ${code === undefined ? undefined : html`<input type="hidden" name="link" value="${code}" />`}
        <div class="actions"><button class="main" autofocus>Connect ${name}</button></div>
      </form>`,
  }
}

/** The page that sends the browser on to the authorization server; a form could not lead there. */
export function onwardPage(server: OAuthServer, target: URL): Page {
  return {
    title: `Connect ${server.name}`,
    content: html`<p>You are being sent to <strong>${target.host}</strong>.</p>
      <p><a href="${target.href}" rel="noreferrer">Continue</a></p>`,
  }
}

/** The page after an account was connected. */
export function connectedPage(server: OAuthServer, account: string | undefined): Page {
  return {
    title: `${server.name} is connected`,
    content: html`<p>
        ${account === undefined ? html`Your account` : html`The account <strong>${account}</strong>`} is
        connected. A call that waits for it continues now.
      </p>
      <p>You can close this page.</p>`,
  }
}

/** A page that says why nothing was connected. */
export function refusalPage(title: string, reason: string, status: number): Page {
  return { title, status, content: html`<p class="warn" role="alert">${reason}</p>` }
}
