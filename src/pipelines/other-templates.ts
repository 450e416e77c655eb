import type { PipelineDefinition } from '../domain/documents/pipeline-definition.ts'
import { isJsonObject } from '../domain/json/json.ts'

/** Double braces around a reference, as in Jinja or Mustache, but not an expression `${{…}}` that is a map. */
const BRACES = /(?<!\$)\{\{\s*((?:input|steps|item|index)(?=[\s.[|}])[^{}]{0,80})\}\}/
const MAX_WARNINGS = 20

/**
 * Warnings for literal texts of a pipeline that look like expressions of another template syntax, such as `{{ input.x }}`.
 * Other double braces get no warning, because they may be input for a tool.
 */
export function otherTemplates({ steps, output }: PipelineDefinition): string[] {
  const places = steps.flatMap((step, index) =>
    (['arguments', 'enhance', 'default'] as const).flatMap((field) =>
      textsIn(step[field], `steps[${index}].${field}`),
    ),
  )
  return [...places, ...textsIn(output, 'output')].flatMap(warningOf).slice(0, MAX_WARNINGS)
}

type PlacedText = readonly [path: string, text: string]

function textsIn(value: unknown, path: string): PlacedText[] {
  if (typeof value === 'string') return [[path, value]]
  if (Array.isArray(value)) return value.flatMap((each, index) => textsIn(each, `${path}[${index}]`))
  if (!isJsonObject(value)) return []
  return Object.entries(value).flatMap(([key, each]) => textsIn(each, `${path}.${key}`))
}

function warningOf([path, text]: PlacedText): string[] {
  const [written, expression = ''] = BRACES.exec(text) ?? []
  if (written === undefined) return []
  return [`${path}: ${written} is taken as it is; an expression is written \${${expression.trim()}}`]
}
