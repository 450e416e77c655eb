import { html, type Html } from '../../domain/text/html.ts'
import { copyable } from '../markup/parts.ts'
import { pretty } from '../visit/reading.ts'

interface Snippet {
  readonly client: string
  /** Where the text belongs. */
  readonly place: string
  readonly text: string
}

/** How to connect each common client to this gateway, with its real address. */
export function clientSnippets(address: string): Html {
  return html`<div class="choices">
    ${snippetsOf(address).map(
      ({ client, place, text }, index) =>
        html`<details name="client" ${index === 0 && html` open`}>
          <summary>${client} <span class="muted small">${place}</span></summary>
          ${copyable(text, `the configuration of ${client}`)}
        </details>`,
    )}
  </div>`
}

function snippetsOf(url: string): readonly Snippet[] {
  return [
    { client: 'Claude Code', place: 'in a terminal', text: `claude mcp add --transport http gateway ${url}` },
    { client: 'Cursor', place: '~/.cursor/mcp.json', text: pretty({ mcpServers: { gateway: { url } } }) },
    {
      client: 'VS Code',
      place: '.vscode/mcp.json',
      text: pretty({ servers: { gateway: { type: 'http', url } } }),
    },
    {
      client: 'Claude Desktop',
      place: 'claude_desktop_config.json',
      text: pretty({ mcpServers: { gateway: { command: 'npx', args: ['-y', 'mcp-remote', url] } } }),
    },
    {
      client: 'Windsurf',
      place: '~/.codeium/windsurf/mcp_config.json',
      text: pretty({ mcpServers: { gateway: { serverUrl: url } } }),
    },
    {
      client: 'Gemini CLI',
      place: '~/.gemini/settings.json',
      text: pretty({ mcpServers: { gateway: { httpUrl: url } } }),
    },
    { client: 'Codex', place: '~/.codex/config.toml', text: `[mcp_servers.gateway]\nurl = "${url}"` },
  ]
}
