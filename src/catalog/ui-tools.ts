import { isJsonObject, type JsonObject } from '../domain/json/json.ts'

/** Where a tool names the resource that shows it: in `_meta.ui`, and flat in `_meta` (MCP Apps, 2026-01-26). */
const NESTED = 'resourceUri'
const FLAT = 'ui/resourceUri'

/** The `ui://` resources that a tool names, which its server need not list. */
export function uiResourcesOf(tool: JsonObject): string[] {
  const meta = tool['_meta']
  if (!isJsonObject(meta)) return []
  const nested = isJsonObject(meta['ui']) ? meta['ui'][NESTED] : undefined
  return [...new Set([nested, meta[FLAT]].filter(isUiUri))]
}

/** The tool with the `ui://` resources that it names renamed; the same object where none changes its name. */
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

/** Whether a tool is for models, and not only for the app that belongs to it. */
export function isForModels(tool: JsonObject): boolean {
  const meta = tool['_meta']
  const ui = isJsonObject(meta) ? meta['ui'] : undefined
  const visibility = isJsonObject(ui) ? ui['visibility'] : undefined
  return !Array.isArray(visibility) || visibility.includes('model')
}

function isUiUri(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('ui://')
}
