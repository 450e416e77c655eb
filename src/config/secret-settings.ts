import { optional, setting } from './setting.ts'
import * as values from './values.ts'

const { integer } = values

/** Where secrets come from. */
export const secrets = {
  SECRETS_FILE: optional(
    values.path,
    'none',
    'File of secrets, mode 0600: a YAML or JSON map from `<tenant>_<name>` to the value; watched.',
  ),
  SECRETS_ENV: setting(
    values.secretVariables,
    '',
    'Secrets in environment variables of the gateway; SECRETS_FILE comes first.',
  ),
  SECRETS_PROJECT: optional(
    values.projectId,
    'none',
    'Google Cloud project whose Secret Manager has the secrets; instead of SECRETS_FILE and SECRETS_ENV.',
  ),
  SECRETS_PREFIX: setting(
    values.secretPrefix,
    '',
    'Prefix of the IDs of the secrets in Secret Manager, before `<tenant>_<name>`.',
  ),
  SECRETS_TTL_MS: setting(
    integer(1000, 3_600_000),
    '300000',
    'Time until a new version of a secret is noticed, in milliseconds; a changed SECRETS_FILE is noticed at once.',
  ),
}
