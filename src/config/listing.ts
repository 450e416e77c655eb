import type { Settings } from './settings.ts'
import { settingsSchema } from './schema.ts'
import { notesOf } from './setting.ts'

/** A setting as it is in force. */
export interface ListedSetting {
  /** Name of the environment variable. */
  readonly name: string
  /** As one would write it; without secrets. */
  readonly value: string
  readonly isGiven: boolean
}

const MASK = '********'
const SECRETS = new Set([
  'APPROVAL_WEBHOOK_SECRET',
  'AUDIT_DIGEST_KEY',
  'AUDIT_DIGEST_KEY_PREVIOUS',
  'AUDIT_SIGNING_KEY',
  'AUDIT_SIGNING_KEY_PREVIOUS',
  'STATE_KEY',
  'STATE_KEY_PREVIOUS',
  'VAULT_KEYS',
])

/**
 * Every setting by the name that one sets, with its value or what stands for it, of an environment that can be used.
 */
export function listedSettings(
  env: Readonly<Record<string, string | undefined>>,
  settings: Settings,
): ListedSetting[] {
  const derived: Readonly<Record<string, string>> = {
    PUBLIC_URL: settings.publicUrl,
    ALLOWED_HOSTS: settings.allowedHosts.join(','),
    ALLOWED_ORIGINS: settings.allowedOrigins.join(','),
    REGISTRY_FILE: settings.registryFile,
  }
  return Object.entries(settingsSchema.shape).map(([name, schema]) => {
    const text = (env[name] ?? '').trim()
    if (text !== '') return { name, value: SECRETS.has(name) ? MASK : text, isGiven: true }
    return { name, value: derived[name] ?? defaultText(notesOf(schema).fallback), isGiven: false }
  })
}

/** The settings without their secrets. */
export function withoutSecrets(settings: Settings): Settings {
  const { auditDigestKey, auditDigestKeyPrevious, auditSigningKey, auditSigningKeyPrevious } = settings
  const { stateKey, stateKeyPrevious, vaultKeys, approvals } = settings
  const { webhook } = approvals
  return {
    ...settings,
    approvals: { ...approvals, webhook: webhook && { url: webhook.url, secret: MASK } },
    auditDigestKey: auditDigestKey === undefined ? undefined : MASK,
    auditDigestKeyPrevious: auditDigestKeyPrevious === undefined ? undefined : MASK,
    auditSigningKey: auditSigningKey === undefined ? undefined : MASK,
    auditSigningKeyPrevious: auditSigningKeyPrevious === undefined ? undefined : MASK,
    stateKey: stateKey === undefined ? undefined : MASK,
    stateKeyPrevious: stateKeyPrevious === undefined ? undefined : MASK,
    vaultKeys: vaultKeys.map(() => MASK),
  }
}

/** A default that is a text stands between backticks in the documentation, one that is words does not. */
function defaultText(fallback: string): string {
  const [, text] = /^`([^`]*)`$/.exec(fallback) ?? []
  return text ?? `(${fallback.replaceAll('`', '')})`
}
