import { html } from '../../domain/text/html.ts'
import type { ClientApproval } from '../clients/client-approvals.ts'
import type { Page } from '../pages/page.ts'

/**
 * The page for a person who wants to use a client that no operator of the tenant has approved.
 * @param on the tenant, and the address where its operators approve clients
 */
export function waitingPage(
  { clientName, clientId, state }: ClientApproval,
  on: { readonly tenantId: string; readonly approvalsUrl: string },
): Page {
  const { tenantId, approvalsUrl } = on
  const isDenied = state === 'denied'
  return {
    title: isDenied ? `${clientName} is not allowed here` : `${clientName} has to be approved first`,
    status: 403,
    content: html`
      <p>
        ${
          isDenied
            ? html`An operator of <strong>${tenantId}</strong> has denied this program.`
            : html`New programs need the approval of an operator of <strong>${tenantId}</strong>, who can see
                that you want to use this one. Connect again when it is approved.`
        }
      </p>
      <dl>
        <dt>Client</dt>
        <dd><code>${clientId}</code></dd>
        <dt>For operators</dt>
        <dd><a href="${approvalsUrl}">${approvalsUrl}</a></dd>
      </dl>
    `,
  }
}
