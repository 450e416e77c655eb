import type { JsonObject } from '../../domain/json/json.ts'

/** The gateway as a client is to know it. */
export interface GatewayForClient {
  readonly url: string
  /** Name of the entry. */
  readonly name: string
  /** A token to write down; without it the client takes it from a variable, or signs in. */
  readonly token: string | undefined
  /** Whether the client signs in at the gateway, in place of sending a token. */
  readonly signsIn: boolean
  /** The program that connects clients which only start programs, with its arguments. */
  readonly bridge: readonly string[]
}

/** Where files of clients are. */
export interface ClientPlaces {
  readonly home: string
  readonly platform: NodeJS.Platform
  readonly env: Readonly<Record<string, string | undefined>>
  /** The present folder. */
  readonly project: string
}

/** How one MCP client is configured. */
export interface ClientFormat {
  readonly id: string
  readonly title: string
  readonly kind: 'json' | 'toml'
  /** The part of the file in which servers are. */
  readonly section: string
  readonly entryOf: (gateway: GatewayForClient) => JsonObject
  /** Other entries of the file that the one of the gateway needs. */
  readonly inputsOf?: (gateway: GatewayForClient) => JsonObject[]
  /** Files that the client reads, the one to write first. */
  readonly files: (places: ClientPlaces) => readonly string[]
  /** What else a person has to know. */
  readonly note?: string
  /** The same where no token is given and it does not sign in. */
  readonly noteWithoutToken?: string
  /** `never` knows only tokens; `always` signs in by the bridge unless a token is given. */
  readonly signIn?: 'never' | 'always'
}

/** The variable from which clients take the token. */
const TOKEN_VARIABLE = 'TOOL_GATEWAY_TOKEN'

const AUTHORIZATION = 'Authorization'
const VSCODE_INPUT = 'tool-gateway-token'

/** The clients whose configuration can be written, by id. */
export const CLIENT_FORMATS: readonly ClientFormat[] = [
  {
    id: 'claude-desktop',
    title: 'Claude Desktop',
    kind: 'json',
    section: 'mcpServers',
    entryOf: bridged,
    signIn: 'always',
    files: ({ home, platform, env }) => [
      platform === 'darwin'
        ? `${home}/Library/Application Support/Claude/claude_desktop_config.json`
        : platform === 'win32'
          ? `${env['APPDATA'] ?? `${home}/AppData/Roaming`}/Claude/claude_desktop_config.json`
          : `${home}/.config/Claude/claude_desktop_config.json`,
    ],
    note: 'It starts programs only, so tool-gateway connect carries its messages, and signs you in in the browser. Restart Claude Desktop afterwards.',
  },
  {
    id: 'claude-code',
    title: 'Claude Code',
    kind: 'json',
    section: 'mcpServers',
    entryOf: (gateway) => ({ type: 'http', url: gateway.url, ...headers(gateway, `\${${TOKEN_VARIABLE}}`) }),
    files: ({ home, project }) => [`${project}/.mcp.json`, `${home}/.claude.json`],
  },
  {
    id: 'vscode',
    title: 'VS Code',
    kind: 'json',
    section: 'servers',
    entryOf: (gateway) => ({
      type: 'http',
      url: gateway.url,
      ...headers(gateway, `\${input:${VSCODE_INPUT}}`),
    }),
    inputsOf: ({ signsIn, token }) =>
      signsIn || token !== undefined
        ? []
        : [
            {
              type: 'promptString',
              id: VSCODE_INPUT,
              description: 'Token of the Tool Gateway',
              password: true,
            },
          ],
    files: ({ home, platform, env, project }) => [
      `${project}/.vscode/mcp.json`,
      platform === 'darwin'
        ? `${home}/Library/Application Support/Code/User/mcp.json`
        : platform === 'win32'
          ? `${env['APPDATA'] ?? `${home}/AppData/Roaming`}/Code/User/mcp.json`
          : `${home}/.config/Code/User/mcp.json`,
    ],
    noteWithoutToken: 'It asks for the token once, and keeps it.',
  },
  {
    id: 'cursor',
    title: 'Cursor',
    kind: 'json',
    section: 'mcpServers',
    entryOf: (gateway) => ({ url: gateway.url, ...headers(gateway, `\${env:${TOKEN_VARIABLE}}`) }),
    files: ({ home, project }) => [`${home}/.cursor/mcp.json`, `${project}/.cursor/mcp.json`],
  },
  {
    id: 'windsurf',
    title: 'Windsurf',
    kind: 'json',
    section: 'mcpServers',
    entryOf: (gateway) => ({ serverUrl: gateway.url, ...headers(gateway, `\${env:${TOKEN_VARIABLE}}`) }),
    files: ({ home }) => [`${home}/.codeium/windsurf/mcp_config.json`],
  },
  {
    id: 'gemini',
    title: 'Gemini CLI',
    kind: 'json',
    section: 'mcpServers',
    entryOf: (gateway) => ({ httpUrl: gateway.url, ...headers(gateway, `\${${TOKEN_VARIABLE}}`) }),
    files: ({ home, project }) => [`${home}/.gemini/settings.json`, `${project}/.gemini/settings.json`],
  },
  {
    id: 'codex',
    title: 'Codex',
    kind: 'toml',
    section: 'mcp_servers',
    entryOf: ({ url, token, signsIn }) => ({
      url,
      ...(signsIn
        ? {}
        : token === undefined
          ? { bearer_token_env_var: TOKEN_VARIABLE }
          : { http_headers: { [AUTHORIZATION]: `Bearer ${token}` } }),
    }),
    files: ({ home, env }) => [`${env['CODEX_HOME'] ?? `${home}/.codex`}/config.toml`],
  },
  {
    id: 'zed',
    title: 'Zed',
    kind: 'json',
    section: 'context_servers',
    entryOf: (gateway) => ({ url: gateway.url, ...headers(gateway, undefined) }),
    files: ({ home, platform, env }) => [
      platform === 'win32'
        ? `${env['APPDATA'] ?? `${home}/AppData/Roaming`}/Zed/settings.json`
        : `${env['XDG_CONFIG_HOME'] ?? `${home}/.config`}/zed/settings.json`,
    ],
    noteWithoutToken: 'It fills in no variables: give --token, or --sign-in.',
  },
  {
    id: 'lm-studio',
    title: 'LM Studio',
    kind: 'json',
    section: 'mcpServers',
    entryOf: (gateway) => ({ url: gateway.url, ...headers(gateway, undefined) }),
    files: ({ home }) => [`${home}/.lmstudio/mcp.json`],
    noteWithoutToken: 'It fills in no variables: give --token, or --sign-in.',
  },
  {
    id: 'cline',
    title: 'Cline',
    kind: 'json',
    section: 'mcpServers',
    entryOf: (gateway) => ({
      type: 'streamableHttp',
      url: gateway.url,
      ...headers(gateway, undefined),
      disabled: false,
    }),
    files: ({ home, platform, env }) => {
      const user =
        platform === 'darwin'
          ? `${home}/Library/Application Support/Code/User`
          : platform === 'win32'
            ? `${env['APPDATA'] ?? `${home}/AppData/Roaming`}/Code/User`
            : `${home}/.config/Code/User`
      return [`${user}/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json`]
    },
    noteWithoutToken: 'It fills in no variables: give --token.',
    signIn: 'never',
  },
  {
    id: 'raycast',
    title: 'Raycast',
    kind: 'json',
    section: 'mcpServers',
    entryOf: bridged,
    signIn: 'always',
    files: () => [],
    note: 'Raycast keeps no file for it: copy the entry, and run "Install MCP Server", which reads it from the clipboard.',
  },
]

/** The header with the token: as given, or by the placeholder that the client fills in. */
function headers({ token, signsIn }: GatewayForClient, placeholder: string | undefined): JsonObject {
  const value = signsIn ? undefined : (token ?? placeholder)
  return value === undefined ? {} : { headers: { [AUTHORIZATION]: `Bearer ${value}` } }
}

/** For clients that start programs only. The token is in the environment, where the bridge reads it. */
function bridged({ url, token, signsIn, bridge }: GatewayForClient): JsonObject {
  const [command = '', ...args] = bridge
  if (signsIn || token === undefined) return { command, args: [...args, url] }
  return {
    command,
    // No blank after the colon: some clients split arguments there.
    args: [...args, url, '--header', `${AUTHORIZATION}:\${AUTHORIZATION}`],
    env: { AUTHORIZATION: `Bearer ${token}` },
  }
}
