import { isJsonObject, type JsonObject } from '../domain/json/json.ts'

/** The members in which a tool names its resource: in `_meta.ui`, and directly in `_meta` (MCP Apps, 2026-01-26). */
const NESTED = 'resourceUri'
const FLAT = 'ui/resourceUri'

/** The `ui://` resources that a tool names; its server need not list them. */
export function uiResourcesOf(tool: JsonObject): string[] {
  const meta = tool['_meta']
  if (!isJsonObject(meta)) return []
  const nested = isJsonObject(meta['ui']) ? meta['ui'][NESTED] : undefined
  return [...new Set([nested, meta[FLAT]].filter(isUiUri))]
}

/** The tool with its `ui://` resources renamed; the same object if no name changes. */
export function withUiResources(tool: JsonObject, rename: (uri: string) => string): JsonObject {
  const meta = tool['_meta']
  if (!isJsonObject(meta) || uiResourcesOf(tool).every((uri) => rename(uri) === uri)) return tool
  const { ui } = meta
  const renamed = {
    ...meta,
    ...(isJsonObject(ui) && isUiUri(ui[NESTED]) && { ui: { ...ui, [NESTED]: rename(ui[NESTED]) } }),
    ...(isUiUri(meta[FLAT]) && { [FLAT]: rename(meta[FLAT]) }),
  }
  return { ...tool, _meta: renamed }
}

/** Whether a tool is meant for models, and not only for its app. */
export function isForModels(tool: JsonObject): boolean {
  const meta = tool['_meta']
  const ui = isJsonObject(meta) ? meta['ui'] : undefined
  const visibility = isJsonObject(ui) ? ui['visibility'] : undefined
  return !Array.isArray(visibility) || visibility.includes('model')
}

function isUiUri(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('ui://')
}
