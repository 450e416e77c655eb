import {
  type CallToolResult,
  type ClientCapabilities,
  createRequestStateCodec,
  type InputRequiredResult,
  type ServerContext,
} from '@modelcontextprotocol/server'

/** Survives between rounds of one call; sealed, because a client carries it. */
export interface RoundState {
  readonly tool: string
  readonly round?: number
  readonly name?: string
}

/** One key for all servers of this process: a call may be resumed on another `McpServer` than it began on. */
export const roundState = createRequestStateCodec<RoundState & { readonly nonce: string }>({
  key: crypto.getRandomValues(new Uint8Array(32)),
})

/** Seals a state; no two are equal. */
export function seal(state: RoundState): Promise<string> {
  return roundState.mint({ ...state, nonce: crypto.randomUUID() })
}

/** One call of a tool. */
export interface ToolCall {
  readonly args: Record<string, unknown>
  readonly context: ServerContext
  /** What the client said it can do: in this request, or at the opening of its session. */
  readonly client: ClientCapabilities
  readonly changeTools: () => void
  readonly changePrompts: () => void
}

export type ToolResult = CallToolResult | InputRequiredResult

/** A tool of the contract; its name is fixed by the suite. */
export interface Tool {
  readonly name: string
  readonly description: string
  /** JSON Schema, published as it is. */
  readonly inputSchema?: Record<string, unknown>
  readonly run: (call: ToolCall) => ToolResult | Promise<ToolResult>
}

export function text(value: string): CallToolResult {
  return { content: [{ type: 'text', text: value }] }
}
