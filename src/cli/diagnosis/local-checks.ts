import { createServer } from 'node:net'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Settings } from '../../config/settings.ts'
import { messageOf } from '../../domain/errors/errors.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { boundedText, chunksOf } from '../../domain/text/bounded-text.ts'
import type { CliContext } from '../context.ts'
import { type Finding, fine, problem, warning } from './finding.ts'

const OTHERS = 0o077
const ISSUER_MS = 5000
const MAX_ISSUER_BYTES = 256 * 1024

/** Whether the settings of this environment can be used; with them, if they can. */
export async function settingsCheck(
  env: CliContext['env'],
): Promise<{ readonly findings: Finding[]; readonly settings: Settings | undefined }> {
  const { settingsFrom } = await import('../settings.ts')
  const { nearMisses, nearMissText } = await import('../../config/near-misses.ts')
  const misses = nearMisses(env).map((miss) =>
    warning('settings', nearMissText(miss), 'Correct the name of the variable.'),
  )
  try {
    const settings = settingsFrom(env)
    return { findings: [fine('settings', 'they can be used'), ...misses], settings }
  } catch (error) {
    const remedy = 'Correct them; config check lists them, too.'
    return { findings: [problem('settings', messageOf(error), remedy), ...misses], settings: undefined }
  }
}

/** Whether the folder of the data is there and private. */
export async function dataCheck({ dataDir }: Pick<Settings, 'dataDir'>): Promise<Finding> {
  const path = resolve(dataDir)
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return fine('data', `${path} does not exist yet; the gateway makes it`)
  if (!found.isDirectory()) return problem('data', `${path} is not a folder`, 'Set DATA_DIR to a folder.')
  return (found.mode & OTHERS) === 0
    ? fine('data', path)
    : warning('data', `${path} can be read by other users`, `chmod 0700 ${path}`)
}

/** Whether the registry is valid; only a file can be looked at here. */
export async function registryCheck(
  { store, registryFile }: Pick<Settings, 'store' | 'registryFile'>,
  context: CliContext,
): Promise<Finding[]> {
  if (store !== 'file') return [fine('store', 'the registry is in Firestore; see the gateway below')]
  const { checkRegistry } = await import('../registry/check-run.ts')
  try {
    const { file, problems, counts } = await checkRegistry(registryFile, context)
    return problems.length === 0
      ? [fine('store', `${file}: ${counts}`)]
      : problems.map((text) => problem('store', `${file}: ${text}`, 'Correct the document.'))
  } catch (error) {
    return [warning('store', messageOf(error), 'tg init writes a registry to start from.')]
  }
}

/** Whether the gateway could listen: asked where none answers. */
export async function portCheck({ host, port }: Pick<Settings, 'host' | 'port'>): Promise<Finding> {
  const server = createServer().listen(port, host)
  try {
    await once(server, 'listening')
    server.close()
    return warning('port', `no gateway runs; ${host}:${port} is free`, 'Start it: npm start')
  } catch (error) {
    return problem('port', `${host}:${port} cannot be used: ${messageOf(error)}`, 'Set PORT to another one.')
  }
}

/** Whether the identity providers of the settings publish what the gateway needs. */
export async function issuerChecks({ issuers }: Pick<Settings, 'issuers'>): Promise<Finding[]> {
  return await Promise.all(issuers.map(({ issuer, jwksUrl }) => issuerCheck(issuer, jwksUrl)))
}

async function issuerCheck(issuer: string, jwksUrl: string | undefined): Promise<Finding> {
  const url = jwksUrl ?? `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const remedy = 'Tokens cannot be verified without its keys: correct OIDC_ISSUER, or the network.'
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ISSUER_MS) })
    const text = await boundedText(chunksOf(response), MAX_ISSUER_BYTES)
    if (text === undefined)
      return problem('issuer', `${url} answered with more than ${MAX_ISSUER_BYTES} bytes`, remedy)
    const answer: unknown = JSON.parse(text)
    if (!response.ok || !isJsonObject(answer))
      return problem('issuer', `${url} answered ${response.status}`, remedy)
    if (jwksUrl === undefined && answer['issuer'] !== issuer)
      return problem(
        'issuer',
        `${url} says that it is ${String(answer['issuer'])}`,
        'Write OIDC_ISSUER exactly so.',
      )
    return fine('issuer', issuer)
  } catch (error) {
    const cause =
      error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error)
    return problem('issuer', `${url} does not answer: ${cause}`, remedy)
  }
}
