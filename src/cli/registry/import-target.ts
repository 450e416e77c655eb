import type { JsonObject } from '../../domain/json/json.ts'
import { masked } from '../../registry/mask.ts'
import type { StoredDocument } from '../../registry/registry-store.ts'
import { simulationText } from '../access/simulation-text.ts'
import { CliError } from '../cli-error.ts'
import { addressOf, type CliContext } from '../context.ts'
import type { ImportOptions } from './import-read.ts'
import { fileStore, registryFileOf, told } from './registry-stores.ts'
import { ask, type GatewayAddress } from '../client/rest-client.ts'

/** A document to write, and the one that it takes the place of. */
export interface ImportChange {
  readonly before: StoredDocument | undefined
  readonly after: StoredDocument
}

/** Where servers are imported into. */
export interface ImportTarget {
  readonly name: string
  /** Tenant of documents that name none. */
  readonly tenantId: string
  /** The document of that tenant and name, as far as it can be seen. */
  find(document: StoredDocument): Promise<StoredDocument | undefined>
  /** How a document to be written looks beside what `find` gives. */
  shown(document: JsonObject): JsonObject
  write(changes: readonly ImportChange[]): Promise<void>
  /** Who would gain or lose which tools; undefined where no gateway can tell. */
  readonly simulation?: (changes: readonly ImportChange[]) => Promise<string>
}

/** The registry file, or the running gateway that the options name. */
export async function openTarget(options: ImportOptions, context: CliContext): Promise<ImportTarget> {
  return options.gateway === true
    ? gatewayTarget(addressOf(options, context), options, context)
    : await fileTarget(options, context)
}

async function fileTarget(options: ImportOptions, context: CliContext): Promise<ImportTarget> {
  const path = options.into ?? registryFileOf(context)
  const store = fileStore(path, context)
  const there = await told(store.list())
  return {
    name: path,
    tenantId: options.tenant ?? (context.env['DEFAULT_TENANT'] || 'local'),
    find: (wanted) =>
      Promise.resolve(
        there.find(({ tenantId, name }) => tenantId === wanted.tenantId && name === wanted.name),
      ),
    shown: (document) => document,
    write: (changes) =>
      told(
        store.apply(
          changes.map(({ before, after: { document } }) =>
            before === undefined
              ? { kind: 'create', document }
              : { kind: 'replace', document, etag: before.etag },
          ),
        ),
      ),
  }
}

function gatewayTarget(
  address: GatewayAddress,
  options: ImportOptions,
  { printError }: CliContext,
): ImportTarget {
  return {
    name: address.url,
    tenantId: options.tenant ?? 'local',
    find: async (wanted) => {
      const found = await ask(address, 'GET', pathOf(wanted, options)).catch(unlessUnknown)
      if (found === undefined) return undefined
      const document = typeof found['document'] === 'object' ? { ...found['document'] } : {}
      return { ...wanted, document, etag: String(found['etag']) }
    },
    shown: (document) => masked(document),
    simulation: async (changes) => {
      const documents = changes.map(({ after }) => ({ document: withoutGuess(after.document, options) }))
      return simulationText(await ask(address, 'POST', '/v1/access:simulate', { changes: documents }))
    },
    write: async (changes) => {
      for (const { before, after } of changes) {
        const document = withoutGuess(after.document, options)
        if (before === undefined) await ask(address, 'POST', '/v1/servers', document)
        else await ask(address, 'PUT', pathOf(after, options), document, { 'if-match': before.etag })
        printError(`wrote ${after.name}\n`)
      }
    },
  }
}

/** The gateway knows the tenant of the token better. */
function withoutGuess(document: JsonObject, { tenant }: ImportOptions): JsonObject {
  if (tenant !== undefined) return document
  const { tenantId, ...rest } = document
  return tenantId === 'local' ? rest : document
}

function pathOf({ name, tenantId }: StoredDocument, { tenant }: ImportOptions): string {
  const query = tenantId === '*' || tenant !== undefined ? `?tenantId=${encodeURIComponent(tenantId)}` : ''
  return `/v1/servers/${encodeURIComponent(name)}${query}`
}

function unlessUnknown(error: unknown): undefined {
  if (error instanceof CliError && error.message.startsWith('server_not_found')) return undefined
  throw error
}
