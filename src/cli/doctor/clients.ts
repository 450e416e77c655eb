/** What a client needs beyond what all need. */
export interface ClientHabits {
  readonly title: string
  /** Whether it connects from the internet, so that it cannot reach this machine. */
  readonly isRemote?: boolean
  /** The origin of its pages, which call the gateway from a browser. */
  readonly origin?: string
}

/** Clients that `doctor connect` knows by name. */
export const CLIENTS: Readonly<Record<string, ClientHabits>> = {
  claude: { title: 'Claude', isRemote: true },
  'claude-code': { title: 'Claude Code' },
  chatgpt: { title: 'ChatGPT', isRemote: true },
  vscode: { title: 'VS Code' },
  cursor: { title: 'Cursor' },
  inspector: { title: 'MCP Inspector', origin: 'http://localhost:6274' },
  'mcp-remote': { title: 'mcp-remote' },
}
