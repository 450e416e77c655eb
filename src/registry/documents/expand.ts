import { z } from 'zod'
import { documentName } from '../../domain/documents/document-fields.ts'
import { guarded } from '../../domain/errors/guarded.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { type Problem, problemLine, problemsOf } from '../../domain/documents/problems.ts'
import { structureProblem } from './check-server.ts'
import { filled } from './placeholders.ts'
import type { Template, Templates } from './templates.ts'

/** The fields by which a document uses a template. */
const useSchema = z.object({
  templateName: documentName,
  config: z.custom<JsonObject>(isJsonObject, 'expected object').default({}),
  instances: z.int().min(1).max(100).optional(),
})
type Use = z.output<typeof useSchema>

const OF_THE_USE = new Set(['transport', ...Object.keys(useSchema.shape)])
/**
 * Only the template determines what a server is and who shares its processes: otherwise a user of the template could
 * run other programs, or send the headers that its author configured to another host.
 */
const OF_THE_TEMPLATE = [
  'command',
  'package',
  'args',
  'cwd',
  'env',
  'limits',
  'sandbox',
  'url',
  'headers',
  'auth',
  'sharing',
  'clientCapabilities',
]

/** Whether a document gets its definition from a template. */
export function usesTemplate(value: unknown): value is JsonObject {
  return isJsonObject(value) && value['transport'] === 'template'
}

/** All problems of a document that can be found without its template; never throws. */
export function problemsOfUse(document: JsonObject): readonly string[] {
  const read = readUse(document)
  return 'problems' in read ? read.problems : []
}

function readUse(document: JsonObject): Use | { problems: readonly string[] } {
  return guarded<Use | { problems: readonly string[] }>(
    () => useIn(document),
    (reason) => ({ problems: [reason] }),
  )
}

function useIn(document: JsonObject): Use | { problems: readonly string[] } {
  const structure = structureProblem(document)
  if (structure !== undefined) return { problems: [structure] }
  const { data, error } = useSchema.safeParse(document)
  const problems = [
    ...problemsOf(error ?? { issues: [] }).map(problemLine),
    ...OF_THE_TEMPLATE.filter((field) => field in document).map(
      (field) => `${field}: it is set by the template`,
    ),
  ]
  return data === undefined || problems.length > 0 ? { problems } : data
}

/** What a document that uses a template comes to. */
export type Expansion =
  | {
      /** The document of a server. */
      readonly value: JsonObject
      /** A problem of that document as a line that says whether the document or its template has it. */
      readonly lineOf: (problem: Problem) => string
    }
  | { readonly problems: readonly string[] }

/**
 * Expands a server document that uses a template: the template's fields, with placeholders replaced, under those of the
 * document. Never throws.
 * @param document has a `tenantId`, which determines the templates that it can use
 */
export function expanded(document: JsonObject, templates: Templates): Expansion {
  return guarded<Expansion>(
    () => expansion(document, templates),
    (reason) => ({ problems: [reason] }),
  )
}

function expansion(document: JsonObject, templates: Templates): Expansion {
  const use = readUse(document)
  if ('problems' in use) return use
  const template = templates.find(document['tenantId'], use.templateName)
  if (template === undefined) {
    const isUnusable = templates.isUnusable(document['tenantId'], use.templateName)
    const what = isUnusable ? 'the template cannot be used:' : 'unknown template'
    return { problems: [`templateName: ${what} ${use.templateName}`] }
  }
  const checked = template.checkConfig(use.config)
  if ('problems' in checked) return { problems: checked.problems.map(problemLine) }
  const server = serverOf(template, use, checked.config)
  if (Array.isArray(server)) return { problems: server }
  const own = Object.fromEntries(Object.entries(document).filter(([field]) => !OF_THE_USE.has(field)))
  const pool = poolOf(template, use, document['pool'])
  if (Array.isArray(pool)) return { problems: pool }
  const lineOf = (problem: Problem): string => {
    const [field = ''] = problem.path.split(/[.[]/)
    return field === '' || field in own
      ? problemLine(problem)
      : `template ${template.name}: server.${problemLine(problem)}`
  }
  return { value: { ...server, ...own, ...pool }, lineOf }
}

/** The fields that the template contributes, or the problems. */
function serverOf(template: Template, use: Use, config: JsonObject): JsonObject | string[] {
  const { url, ...rest } = template.server
  const { isNumbered } = template
  const count = use.instances ?? 1
  if (count > template.maxInstances)
    return [`instances: the template allows at most ${template.maxInstances}`]
  if (count > 1 && !template.isStdio && !isNumbered) {
    return ['instances: the URL of the template has no ${instance}, so only one instance is possible']
  }
  const { value, problems } = filled(rest, { config, instance: undefined })
  const urls =
    url === undefined
      ? []
      : Array.from({ length: isNumbered ? count : 1 }, (_, index) =>
          filled({ url }, { config, instance: index + 1 }),
        )
  const wrong = [...new Set([problems, ...urls.map((filling) => filling.problems)].flat())]
  if (wrong.length > 0) return wrong
  if (isNumbered) return { ...value, instances: urls.map((filling) => filling.value) }
  return { ...value, ...urls[0]?.value }
}

/** `instances: N` of a stdio server means N processes, unless the document's own `pool` says otherwise. */
function poolOf(
  { isStdio, maxInstances, server }: Template,
  use: Use,
  own: unknown,
): { pool?: unknown } | string[] {
  if (!isStdio) return {}
  const given = isJsonObject(own) ? own : {}
  const tooMany = ['min', 'max'].filter((field) => Number(given[field]) > maxInstances)
  if (tooMany.length > 0)
    return tooMany.map((field) => `pool.${field}: the template allows at most ${maxInstances}`)
  if (use.instances === undefined) return {}
  const base = own ?? server['pool']
  const max = given['max'] ?? use.instances
  const min = given['min'] ?? Math.min(use.instances, Number(max))
  return { pool: isJsonObject(base) ? { ...base, min, max } : (base ?? { min, max }) }
}
