import { readFileSync } from 'node:fs'
import { isJsonObject } from '../domain/json/json.ts'

/** Version of this gateway, as its package says. */
export const VERSION = versionIn(
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')),
)

function versionIn(packageJson: unknown): string {
  if (isJsonObject(packageJson) && typeof packageJson['version'] === 'string') return packageJson['version']
  throw new TypeError('package.json has no version')
}
