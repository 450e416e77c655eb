import { optional, setting } from '../setting.ts'
import * as values from '../values.ts'

/** Environment variables of calls that need a person's yes. */
export const approvals = {
  APPROVAL_REQUEST_TTL_MS: setting(
    values.integer(60_000, 604_800_000),
    '3600000',
    'How long a call waits for approval, in milliseconds; after it the request is gone.',
  ),
  APPROVAL_GRANT_TTL_MS: setting(
    values.integer(10_000, 86_400_000),
    '900000',
    'How long an approval can be used, in milliseconds; for the same time an equal call is refused after it was denied.',
  ),
  APPROVALS_PER_PRINCIPAL: setting(
    values.integer(1, 1000),
    '20',
    'Maximum number of calls of one caller that wait for approval.',
  ),
  APPROVALS_PER_TENANT: setting(
    values.integer(1, 10_000),
    '500',
    'Maximum number of calls of one tenant that wait for approval.',
  ),
  APPROVAL_WEBHOOK_URL: optional(
    values.secureUrl,
    'nothing is reported',
    'Where it is reported that a call waits for approval, and how it was answered, and that a server changed its tools; see docs/approvals.md.',
  ),
  APPROVAL_WEBHOOK_SECRET: optional(
    values.webhookSecret,
    'none',
    'Secret that signs these reports, as the Standard Webhooks have it; required by APPROVAL_WEBHOOK_URL.',
  ),
}
