import { clientRow, type ErrorDefinition, row } from './error-row.ts'

/** The rows of the error table for calls, and definitions of tools, that need a person's yes. */
export const APPROVAL_ERRORS = {
  approval_required: clientRow(
    403,
    -31016,
    'A person has to approve the call first',
    'The operator requires a person’s yes for each call of this tool. `approval.url` leads to the page where it is given. Afterwards the same call with the same arguments, repeated by the same caller before the approval expires, is executed, once. Nothing was executed yet. See docs/approvals.md.',
  ),
  approval_denied: clientRow(
    403,
    -31016,
    'A person has denied the call',
    'The call needs a person’s yes, and a person said no. Nothing was executed. Do not repeat the call; ask the person what to do instead.',
  ),
  too_many_approvals: row(
    429,
    -31004,
    'client',
    true,
    'Too many calls wait for approval',
    'The caller or its tenant has reached its limit of calls that wait for a person’s yes (APPROVALS_PER_PRINCIPAL, APPROVALS_PER_TENANT). Nothing was executed. Have the waiting ones answered first.',
  ),
  approval_not_found: clientRow(
    404,
    -32602,
    'Unknown request for approval',
    'No such request exists in the tenant, it has expired or was replaced by a newer one, or you may not see it. The response is deliberately the same in all cases.',
  ),
  approval_closed: clientRow(
    409,
    -32602,
    'The request for approval was answered already',
    'Another person answered it first, or the call has been executed meanwhile. The answer stands.',
  ),
  tool_held: row(
    403,
    -31011,
    'config',
    false,
    'The definition of the tool is not approved',
    'The server has changed the definition of the tool, or added the tool, and the operator wants to look at it before anybody uses it (`toolChanges: hold`). Nothing was executed. The tool is listed again once its definition is approved.',
  ),
  definition_changed: row(
    409,
    -32602,
    'client',
    false,
    'The definition has another hash',
    'The definition that was to be approved is not the one that the server offers now. Nothing was approved. Look at the difference again, and approve the hash that is shown with it.',
  ),
} as const satisfies Record<string, ErrorDefinition>
