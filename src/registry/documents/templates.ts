import { z } from 'zod'
import { guarded } from '../../domain/errors/guarded.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { ALL_TENANTS } from '../../domain/principal.ts'
import { problemLine, problemsOf, UnknownFields } from '../../domain/documents/problems.ts'
import { accessPartSchema, serverDocumentSchema } from '../../domain/documents/server-definition.ts'
import { compileConfigSchema, type ConfigCheck, costlyKeyword } from './config-schema.ts'
import { onceEach } from './parse-memory.ts'
import { isLegalPlaceholder, placeholdersOf } from './placeholders.ts'

/** A parametrised server definition, checked. */
export interface Template {
  readonly name: string
  readonly isStdio: boolean
  /** Whether its URL contains the number of the instance, so that several instances are possible. */
  readonly isNumbered: boolean
  readonly checkConfig: ConfigCheck
  /** Maximum number of instances that a document may request. */
  readonly maxInstances: number
  /** The document of a server, with placeholders. */
  readonly server: JsonObject
}

const templateSchema = z.strictObject({
  name: z.string(),
  tenantId: z.string(),
  description: z.string().max(4000).optional(),
  configSchema: z
    .custom<JsonObject>(isJsonObject, 'expected object')
    .default({ type: 'object', properties: {} }),
  maxInstances: z.int().min(1).max(100).default(10),
  server: z.custom<JsonObject>(isJsonObject, 'expected object'),
})
type TemplateDocument = z.output<typeof templateSchema>

/** Only the document of a server determines who may use it. */
const OF_THE_DOCUMENT = new Set(['name', ...Object.keys(accessPartSchema.shape)])
/** Only the template determines which program runs. */
const FIXED = new Set(['transport', 'command', 'package', 'cwd'])

/** The templates of a registry, by tenant and name. */
export class Templates {
  readonly #usable = new Map<string, Template>()
  readonly #unusable = new Set<string>()

  /** The valid templates of the documents; the first of each name counts. */
  static of(documents: Iterable<JsonObject>): Templates {
    const templates = new Templates()
    for (const document of documents) templates.add(document)
    return templates
  }

  /** Adds a template; returns all its problems. The document has a legal name and tenant. */
  add(document: JsonObject): string[] {
    const key = keyOf(document['tenantId'], document['name'])
    if (this.#usable.has(key))
      return [`name: ${String(document['name'])} is already taken by another template`]
    const { template, problems } = readTemplate(document)
    if (template === undefined) this.#unusable.add(key)
    else this.#usable.set(key, template)
    return [...problems]
  }

  /** The template of that name that servers of a tenant use: the tenant's own, or one for all tenants. */
  find(tenantId: unknown, name: string): Template | undefined {
    return this.#usable.get(keyOf(tenantId, name)) ?? this.#usable.get(keyOf(ALL_TENANTS, name))
  }

  /** Whether there is a template of that name, but an invalid one. */
  isUnusable(tenantId: unknown, name: string): boolean {
    return this.#unusable.has(keyOf(tenantId, name)) || this.#unusable.has(keyOf(ALL_TENANTS, name))
  }
}

function keyOf(tenantId: unknown, name: unknown): string {
  return `${String(tenantId)}/${String(name)}`
}

interface ReadTemplate {
  readonly template: Template | undefined
  readonly problems: readonly string[]
}

/** The template that a document defines, or its problems; never throws. */
export const readTemplate = onceEach((document: JsonObject) =>
  guarded<ReadTemplate>(
    () => read(document),
    (reason) => ({ template: undefined, problems: [reason] }),
  ),
)

function read(document: JsonObject): ReadTemplate {
  const { data, error } = templateSchema.safeParse(document)
  if (data === undefined)
    return { template: undefined, problems: problemsOf(error, templateSchema).map(problemLine) }
  const checkConfig = compiled(data)
  const problems = [
    ...(typeof checkConfig === 'string' ? [`configSchema: ${checkConfig}`] : []),
    ...serverProblems(data),
    ...placeholderProblems(data),
  ]
  if (problems.length > 0 || typeof checkConfig === 'string') return { template: undefined, problems }
  const { name, maxInstances, server } = data
  const isStdio = server['transport'] === 'stdio'
  const isNumbered = placeholdersOf(server['url']).some((placeholder) => placeholder.name === 'instance')
  return { template: { name, isStdio, isNumbered, checkConfig, maxInstances, server }, problems }
}

/** The check of a config, or the problem of the schema. */
function compiled({ tenantId, configSchema }: TemplateDocument): ConfigCheck | string {
  const keyword = tenantId === ALL_TENANTS ? undefined : costlyKeyword(configSchema)
  if (keyword !== undefined) return `${keyword} can be used in templates for all tenants only`
  if ((configSchema['type'] ?? 'object') !== 'object') return 'type: expected "object"'
  try {
    return compileConfigSchema(configSchema)
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, 300) : 'cannot be used'
  }
}

function serverProblems({ server }: TemplateDocument): string[] {
  const kind = serverDocumentSchema.options.find(
    ({ shape }) => shape.transport.safeParse(server['transport']).success,
  )
  if (kind === undefined) return ['server.transport: expected stdio, streamable-http, sse or http']
  const unknown = new UnknownFields()
  return Object.keys(server).flatMap((field) => {
    if (OF_THE_DOCUMENT.has(field)) {
      return [`server.${field}: must be set in the documents of the servers that use the template`]
    }
    return field in kind.shape ? [] : [`server: ${unknown.textOf(field, Object.keys(kind.shape))}`]
  })
}

function placeholderProblems({ configSchema, server }: TemplateDocument): string[] {
  const properties = isJsonObject(configSchema['properties']) ? configSchema['properties'] : {}
  return placeholdersOf(server).flatMap(({ path, name }) => {
    const where = `server.${path}: \${${name.slice(0, 64)}}`
    if (!isLegalPlaceholder(name))
      return [`${where} is not a known placeholder; to write it literally, use $\${`]
    if (FIXED.has(path)) return [`${where}: placeholders are not supported here`]
    if (name === 'instance') return path === 'url' ? [] : [`${where} can be used in server.url only`]
    const [, property = ''] = name.split('.')
    return Object.hasOwn(properties, property) ? [] : [`${where} is not in configSchema.properties`]
  })
}
