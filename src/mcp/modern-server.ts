import { McpServer } from '@modelcontextprotocol/server'
import type { View } from '../catalog/view.ts'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import { carry, type Conversation, type McpServerOptions } from './mcp-server.ts'

/**
 * The server of one modern HTTP request. Only for servers of this class does the SDK compare the `Mcp-Param-*` headers
 * of a call with its arguments (MCP 2026-07-28, Streamable HTTP); it asks the class for the tool's schema.
 */
class ParamCheckingServer extends McpServer {
  readonly #view: View

  constructor(info: McpServerOptions['info'], view: View) {
    const { instructions } = view
    super(info, instructions === undefined ? {} : { instructions })
    this.#view = view
  }

  override toolInputSchemaJson(name: string): JsonObject | undefined {
    const schema = this.#view.toolsByName.get(name)?.listed['inputSchema']
    return isJsonObject(schema) ? schema : undefined
  }
}

/** A server for one modern HTTP request, not connected yet. */
export function createModernServer(options: McpServerOptions, conversation: Conversation): McpServer {
  const mcpServer = new ParamCheckingServer(options.info, conversation.view)
  carry(mcpServer.server, options, conversation)
  return mcpServer
}
