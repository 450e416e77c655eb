import { appendFile, chmod, readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { CliError } from '../cli-error.ts'
import type { CliContext } from '../context.ts'
import type { Imported, ImportOptions } from './import-read.ts'

/** Names of variables and headers whose values are secrets. */
const SECRET_NAME = /token|key|secret|passw|authorization|credential|cookie/i
const REFERENCE = 'secret://'
const OF_ALL_TENANTS = 'SHARED'
const MODE = 0o600

/** What an import is without the secrets in it, and how these are written down. */
export interface SecretMove {
  readonly imported: Imported
  /** Adds the secrets to the file, which only this user may read. */
  readonly write: () => Promise<void>
}

/**
 * Where that is asked for, takes literal secrets out of the documents of an import and puts references in their place.
 * @throws CliError `usage` without a file, `data` if a secret of that name has another value there
 */
export async function secretMove(
  read: Imported,
  { tenantId }: { readonly tenantId: string },
  { moveSecrets }: Pick<ImportOptions, 'moveSecrets'>,
  { env, printError }: CliContext,
): Promise<SecretMove> {
  if (moveSecrets === undefined) return { imported: read, write: () => Promise.resolve() }
  const path = typeof moveSecrets === 'string' ? moveSecrets : env['SECRETS_FILE']
  if (path === undefined || path === '')
    throw new CliError('usage', '--move-secrets: name the file of secrets, or set SECRETS_FILE')
  const secrets = new Map<string, string>()
  const documents = read.documents.map((document) => withoutSecrets(document, tenantId, secrets))
  const known = await secretsIn(path)
  const fresh = [...secrets].filter(([name, value]) => {
    if (known[name] !== undefined && known[name] !== value)
      throw new CliError('data', `${path}: the secret ${name} has another value; give --prefix`)
    return known[name] === undefined
  })
  return {
    imported: { ...read, documents },
    write: async () => {
      if (fresh.length === 0) return
      const lines = fresh.map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}\n`)
      await appendFile(path, lines.join(''), { mode: MODE })
      await chmod(path, MODE)
      printError(
        `moved ${fresh.length} ${fresh.length === 1 ? 'secret' : 'secrets'} into ${resolve(path)}; the gateway reads it as SECRETS_FILE\n`,
      )
    },
  }
}

function withoutSecrets(document: JsonObject, tenant: string, secrets: Map<string, string>): JsonObject {
  const owner = typeof document['tenantId'] === 'string' ? document['tenantId'] : tenant
  const prefix = `${owner === '*' ? OF_ALL_TENANTS : owner}_${String(document['name'])}`
  const moved = (field: 'env' | 'headers'): JsonObject => {
    const values = document[field]
    if (!isJsonObject(values)) return {}
    const members = Object.entries(values).map(
      ([name, value]) => [name, moveOne(prefix, name, value, secrets)] as const,
    )
    return { [field]: Object.fromEntries(members) }
  }
  return { ...document, ...moved('env'), ...moved('headers') }
}

function moveOne(prefix: string, name: string, value: unknown, secrets: Map<string, string>): unknown {
  const isLiteral =
    typeof value === 'string' && value !== '' && !value.startsWith(REFERENCE) && !value.includes('${')
  if (!isLiteral || !SECRET_NAME.test(name)) return value
  const secret = `${prefix}_${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}`
  secrets.set(secret, value)
  return `${REFERENCE}${secret}`
}

async function secretsIn(path: string): Promise<Readonly<Record<string, unknown>>> {
  const { parse } = await import('yaml')
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw new CliError('data', `${path} cannot be read`)
  })
  const value: unknown = parse(text)
  if (value === null || value === undefined) return {}
  if (isJsonObject(value)) return value
  throw new CliError('data', `${path} is not a file of secrets`)
}
