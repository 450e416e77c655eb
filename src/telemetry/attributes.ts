/**
 * Names of span attributes. The first group is of the semantic conventions for MCP and generative AI, copied here as
 * texts because they are under development and their constants move. There is none for arguments, results, resource
 * URIs and session ids: those never leave the gateway in a span.
 */
export const ATTRIBUTE = {
  method: 'mcp.method.name',
  protocolVersion: 'mcp.protocol.version',
  genAiOperation: 'gen_ai.operation.name',
  tool: 'gen_ai.tool.name',
  prompt: 'gen_ai.prompt.name',
  errorType: 'error.type',
  rpcStatus: 'rpc.response.status_code',
  transport: 'network.transport',
  protocol: 'network.protocol.name',
  address: 'server.address',
  port: 'server.port',

  face: 'tool_gateway.face',
  requestId: 'tool_gateway.request.id',
  server: 'tool_gateway.server.name',
  instance: 'tool_gateway.instance.id',
  effect: 'tool_gateway.decision.effect',
  rule: 'tool_gateway.decision.rule',
  errorCode: 'tool_gateway.error.code',
} as const

/** `gen_ai.operation.name` of a tool call. */
export const EXECUTE_TOOL = 'execute_tool'
/** `error.type` of a tool that ran and said `isError`. */
export const TOOL_ERROR = 'tool_error'
