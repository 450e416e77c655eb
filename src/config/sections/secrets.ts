import { z } from 'zod'
import { secretOwner } from '../../domain/documents/secret-reference.ts'
import { optional, setting } from '../setting.ts'
import * as values from '../values.ts'

const { integer } = values

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

/** `<secret>=<variable>`, or one word that is both. */
const secretVariable = z
  .string()
  .transform((text) => {
    const [name = '', variable = name, ...rest] = text.split('=')
    return { name, variable, rest }
  })
  .refine(({ name, variable, rest }) => {
    return secretOwner(name) !== undefined && VARIABLE.test(variable) && rest.length === 0
  })
  .transform(({ name, variable }) => ({ name, variable }))

const secretVariables = {
  schema: values.items.pipe(z.array(secretVariable)),
  expected:
    '`<tenant>_<name>=<variable>` (or `<tenant>_<name>`, where the variable has that name) separated by commas',
}

const secretPrefix = {
  schema: z
    .string()
    .trim()
    .regex(/^[A-Za-z0-9_-]{0,11}$/),
  expected: 'at most 11 letters, digits, `-` and `_`',
}

/** Without an underscore, which every secret has that documents can name. */
const sharedKeysPrefix = {
  schema: z
    .string()
    .trim()
    .regex(/^[A-Za-z0-9-]{0,40}$/),
  expected: 'at most 40 letters, digits and `-`',
}

const kmsKey = {
  schema: z
    .string()
    .trim()
    .regex(/^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/),
  expected: '`projects/P/locations/L/keyRings/R/cryptoKeys/K`',
}

const vaultKeys = {
  schema: values.items.pipe(z.array(values.digestKey.schema)),
  expected: 'keys of 64 hex digits separated by commas',
  isSecret: true,
}

/** Environment variables of where secrets come from. */
export const secrets = {
  SECRETS_FILE: optional(
    values.path,
    'none',
    'File of secrets, mode 0600: a YAML or JSON map from `<tenant>_<name>` to the value; watched.',
  ),
  SECRETS_ENV: setting(
    secretVariables,
    '',
    'Secrets in environment variables of the gateway; SECRETS_FILE comes first.',
  ),
  SECRETS_PROJECT: optional(
    values.projectId,
    'none',
    'Google Cloud project whose Secret Manager has the secrets; instead of SECRETS_FILE and SECRETS_ENV.',
  ),
  SECRETS_PREFIX: setting(
    secretPrefix,
    '',
    'Prefix of the IDs of the secrets in Secret Manager, before `<tenant>_<name>`.',
  ),
  SHARED_KEYS_PROJECT: optional(
    values.projectId,
    'none',
    'Google Cloud project whose Secret Manager has STATE_KEY and AUDIT_DIGEST_KEY, unless these are set; a key that is not there yet is made once for all replicas. See docs/keys.md.',
  ),
  SHARED_KEYS_PREFIX: setting(
    sharedKeysPrefix,
    'tool-gateway-',
    'What the IDs of these secrets begin with, before `state-key` and `audit-digest-key`: another one for each group of replicas.',
  ),
  VAULT_KMS_KEY: optional(
    kmsKey,
    'none',
    'Key of Cloud KMS that encrypts the keys of the vault, where accounts of people at servers are kept.',
  ),
  VAULT_KMS_ENDPOINT: setting(
    values.secureUrl,
    'https://cloudkms.googleapis.com',
    'Address of Cloud KMS; another one where it is reached privately.',
  ),
  VAULT_KEYS: setting(
    vaultKeys,
    '',
    'Keys of the vault where there is no Cloud KMS, the same for all replicas; the first one encrypts, all decrypt. With STORE `file` a key file in DATA_DIR is used unless set.',
  ),
  SECRETS_TTL_MS: setting(
    integer(1000, 3_600_000),
    '300000',
    'Time until a new version of a secret is noticed, in milliseconds; a changed SECRETS_FILE is noticed at once.',
  ),
}
