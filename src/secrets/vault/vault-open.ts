import { join } from 'node:path'
import type { Settings } from '../../config/settings.ts'
import type { Clock } from '../../domain/clock.ts'
import type { StateStore } from '../../state/state-store.ts'
import { CloudKms } from './cloud-kms.ts'
import { type KeyEncryption, KeysUnavailable } from './key-encryption.ts'
import { LocalKeys } from './local-keys.ts'
import { Vault } from './vault.ts'

const KEY_FILE = 'vault.keys'

/** Where the keys of the vault are. */
export type VaultSettings = Pick<
  Settings,
  'dataDir' | 'store' | 'vaultKmsKey' | 'vaultKmsEndpoint' | 'vaultKeys'
>

/** Builds the vault over a store; its keys are asked for when they are needed first. */
export function openVault(
  settings: VaultSettings,
  { store, clock }: { store: StateStore; clock: Clock },
): Vault {
  return new Vault({ store, keys: keysOf(settings, clock), clock })
}

/** In Cloud KMS, in the settings, or in a file of this machine, which other replicas do not have. */
function keysOf(settings: VaultSettings, clock: Clock): KeyEncryption {
  const { vaultKmsKey: key, vaultKmsEndpoint: endpoint, vaultKeys } = settings
  if (key !== undefined) return new CloudKms({ key, endpoint, authorize: authorizer(), clock })
  if (vaultKeys.length > 0) return LocalKeys.given(vaultKeys)
  return settings.store === 'file' ? LocalKeys.inFile(join(settings.dataDir, KEY_FILE)) : new NoKeys()
}

/** With the credentials of the environment, found with the first request. */
function authorizer(): (url: string) => Promise<Headers> {
  let finding: Promise<{ getRequestHeaders: (url: string) => Promise<Headers> }> | undefined
  return async (url) => {
    finding ??= import('../../firestore/google-credentials.ts').then(({ findGoogleCredentials }) =>
      findGoogleCredentials(),
    )
    try {
      return await (await finding).getRequestHeaders(url)
    } catch (error) {
      finding = undefined
      throw error
    }
  }
}

/** Replicas share a store, and none of their keys. */
class NoKeys implements KeyEncryption {
  wrap(): Promise<never> {
    return Promise.reject(
      new KeysUnavailable('set VAULT_KMS_KEY or VAULT_KEYS, which all replicas have to share'),
    )
  }

  unwrap(): Promise<never> {
    return this.wrap()
  }

  isCurrent(): boolean {
    return false
  }

  rotate(): Promise<void> {
    return Promise.resolve()
  }
}
