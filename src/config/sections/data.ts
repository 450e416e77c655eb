import { optional, setting } from '../setting.ts'
import { databaseId, integer, oneOf, path, projectId, tenant } from '../values.ts'

/** Environment variables of the places where data is stored. */
export const data = {
  DATA_DIR: setting(path, '.data', 'Folder for all data that the gateway stores; created with mode 0700.'),
  REGISTRY_FILE: optional(
    path,
    '`DATA_DIR/registry.yaml`',
    'Registry file, YAML or JSON; changes take effect without a restart. An example is written if it does not exist.',
  ),
  STORE: setting(
    oneOf(['file', 'firestore']),
    'file',
    'Where registry, tenants and usage records are stored: on this machine, or in Firestore for any number of gateways.',
  ),
  GOOGLE_CLOUD_PROJECT: optional(
    projectId,
    'none',
    'Google Cloud project of the Firestore database. Needed when STORE is `firestore`.',
  ),
  FIRESTORE_DATABASE: setting(databaseId, '(default)', 'Firestore database in that project.'),
  REGISTRY_PROBE_MS: setting(
    integer(100, 600_000),
    '15000',
    'Time between two checks that Firestore still answers, in milliseconds; one document read each.',
  ),
  DEFAULT_TENANT: setting(
    tenant,
    'local',
    'Tenant of the documents of the registry file that do not name one.',
  ),
}
