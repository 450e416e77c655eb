import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
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
    const { isSecret, fallback } = notesOf(schema)
    if (text !== '') return { name, value: isSecret ? MASK : text, isGiven: true }
    return { name, value: derived[name] ?? defaultText(fallback), isGiven: false }
  })
}

/** What the settings of an environment come to, with a mask in place of each value of a secret one. */
export function withoutSecrets(
  env: Readonly<Record<string, string | undefined>>,
  settings: Settings,
): JsonObject {
  const secrets = new Set(
    Object.entries(settingsSchema.shape)
      .filter(([, schema]) => notesOf(schema).isSecret)
      .flatMap(([name]) => [env[name] ?? '', ...(env[name] ?? '').split(',')])
      .map((text) => text.trim())
      .filter((text) => text !== ''),
  )
  const shown: unknown = JSON.parse(
    JSON.stringify(settings, (_name, value: unknown) =>
      typeof value === 'string' && secrets.has(value) ? MASK : value,
    ),
  )
  return isJsonObject(shown) ? shown : {}
}

/** A default that is a text stands between backticks in the documentation, one that is words does not. */
function defaultText(fallback: string): string {
  const [, text] = /^`([^`]*)`$/.exec(fallback) ?? []
  return text ?? `(${fallback.replaceAll('`', '')})`
}
