import type { CatalogItem } from '../../catalog/server-catalog.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'

/** A document can have so many tools; generators of clients take no more in a reasonable time. */
const MAX_TOOLS = 1000
const MAX_SUMMARY = 120

/**
 * The document with one operation for each tool: the arguments are those of the tool, and so is the structured content
 * of the result where the tool describes it.
 */
export function withTools(document: JsonObject, tools: readonly CatalogItem[]): JsonObject {
  const shown = tools.slice(0, MAX_TOOLS)
  const { paths, components, tags } = document
  const { schemas, ...others } = asObject(components)
  const own = shown.flatMap((tool) => schemasOf(tool))
  return {
    ...document,
    tags: [tags, tagsOf(shown)].flat(),
    paths: {
      ...asObject(paths),
      ...Object.fromEntries(shown.map((tool) => [pathOf(tool), { post: operationOf(tool) }])),
    },
    components: { ...others, schemas: { ...asObject(schemas), ...Object.fromEntries(own) } },
    ...(tools.length > MAX_TOOLS && { 'x-tools-left-out': tools.length - MAX_TOOLS }),
  }
}

function tagsOf(tools: readonly CatalogItem[]): JsonObject[] {
  const servers = [...new Set(tools.map(({ serverName }) => serverName))]
  return servers.map((name) => ({ name: tagOf(name), description: `Tools of the server ${name}` }))
}

function tagOf(server: string): string {
  return `Tools of ${server}`
}

function pathOf({ shownAs }: CatalogItem): string {
  return `/v1/tools/${shownAs}`
}

function operationOf(tool: CatalogItem): JsonObject {
  const { shownAs, serverName, listed } = tool
  const description = textOf(listed['description'])
  const title = textOf(listed['title']) || (description.trim().split('\n', 1)[0] ?? '')
  const problems = [400, 401, 403, 404, 429, 500, 503].map((status) => [
    status,
    { $ref: `#/components/responses/Problem${status}` },
  ])
  return {
    operationId: shownAs,
    tags: [tagOf(serverName)],
    summary: (title === '' ? shownAs : title).slice(0, MAX_SUMMARY),
    ...(description !== '' && { description }),
    requestBody: { required: true, content: { 'application/json': { schema: bodyOf(tool) } } },
    responses: {
      200: {
        description: 'The result; `isError` if the tool reports a failure',
        content: { 'application/json': { schema: resultOf(tool) } },
      },
      ...Object.fromEntries(problems),
    },
  }
}

function bodyOf({ shownAs, listed }: CatalogItem): JsonObject {
  const { required } = asObject(listed['inputSchema'])
  return {
    type: 'object',
    properties: { arguments: { $ref: referenceTo(argumentsName(shownAs)) } },
    ...(Array.isArray(required) && required.length > 0 && { required: ['arguments'] }),
    additionalProperties: false,
  }
}

function resultOf({ shownAs, listed }: CatalogItem): JsonObject {
  const structured = isJsonObject(listed['outputSchema'])
    ? { $ref: referenceTo(resultName(shownAs)) }
    : { type: 'object', additionalProperties: true }
  return {
    type: 'object',
    properties: {
      content: { type: 'array', items: { type: 'object', additionalProperties: true } },
      structuredContent: structured,
      isError: { type: 'boolean' },
    },
    required: ['isError'],
  }
}

function schemasOf({ shownAs, listed }: CatalogItem): [string, JsonObject][] {
  const { inputSchema, outputSchema } = listed
  return [
    [argumentsName(shownAs), moved(asObject(inputSchema), argumentsName(shownAs))],
    ...(isJsonObject(outputSchema)
      ? [[resultName(shownAs), moved(outputSchema, resultName(shownAs))] satisfies [string, JsonObject]]
      : []),
  ]
}

/** A schema whose references to parts of itself lead to where it stands in the document. */
function moved(schema: JsonObject, name: string): JsonObject {
  const { $schema: _dialect, $id: _id, ...rest } = schema
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk)
    if (!isJsonObject(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [
        key,
        key === '$ref' && typeof member === 'string' && member.startsWith('#')
          ? `${referenceTo(name)}${member.slice(1)}`
          : walk(member),
      ]),
    )
  }
  return asObject(walk(rest))
}

function referenceTo(name: string): string {
  return `#/components/schemas/${name}`
}

function argumentsName(tool: string): string {
  return `${tool}_arguments`
}

function resultName(tool: string): string {
  return `${tool}_result`
}

function asObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {}
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
