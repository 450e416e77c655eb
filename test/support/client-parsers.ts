import { parse as parseToml } from 'smol-toml'
import { z } from 'zod'
import { jsonOfJsonc } from '../../src/registry/file/jsonc.ts'

const texts = z.record(z.string(), z.string())
const program = {
  command: z.string().min(1),
  args: z.array(z.string()).optional(),
  env: texts.optional(),
}
const url = z.url({ protocol: /^https?$/ })

/** One or the other kind of entry, with nothing that the client would ignore. */
function entries(...kinds: readonly [z.ZodType, ...z.ZodType[]]): z.ZodType {
  return z.record(z.string(), z.union(kinds))
}

/** What each client reads, as its vendor publishes it; fields that it does not know are refused. */
const FORMATS: Readonly<Record<string, z.ZodType>> = {
  'claude-desktop': z.looseObject({ mcpServers: entries(z.strictObject(program)) }),
  'claude-code': z.looseObject({
    mcpServers: entries(
      z.strictObject({ type: z.literal('stdio').optional(), ...program }),
      z.strictObject({ type: z.enum(['http', 'sse', 'ws']), url, headers: texts.optional() }),
    ),
  }),
  vscode: z.strictObject({
    inputs: z
      .array(
        z.strictObject({
          type: z.literal('promptString'),
          id: z.string(),
          description: z.string(),
          password: z.boolean().optional(),
          default: z.string().optional(),
        }),
      )
      .optional(),
    servers: entries(
      z.strictObject({ type: z.literal('stdio').optional(), ...program }),
      z.strictObject({ type: z.enum(['http', 'sse']).optional(), url, headers: texts.optional() }),
    ),
  }),
  cursor: z.strictObject({
    mcpServers: entries(z.strictObject(program), z.strictObject({ url, headers: texts.optional() })),
  }),
  windsurf: z.strictObject({
    mcpServers: entries(
      z.strictObject(program),
      z.strictObject({ serverUrl: url, headers: texts.optional(), disabled: z.boolean().optional() }),
    ),
  }),
  gemini: z.looseObject({
    mcpServers: entries(
      z.strictObject(program),
      z.strictObject({ httpUrl: url, headers: texts.optional(), timeout: z.number().optional() }),
    ),
  }),
  codex: z.looseObject({
    mcp_servers: entries(
      z.strictObject(program),
      z.strictObject({
        url,
        bearer_token_env_var: z.string().optional(),
        http_headers: texts.optional(),
        env_http_headers: texts.optional(),
        enabled: z.boolean().optional(),
      }),
    ),
  }),
  zed: z.looseObject({
    context_servers: entries(z.strictObject(program), z.strictObject({ url, headers: texts.optional() })),
  }),
  'lm-studio': z.strictObject({
    mcpServers: entries(z.strictObject(program), z.strictObject({ url, headers: texts.optional() })),
  }),
  cline: z.strictObject({
    mcpServers: entries(
      z.strictObject(program),
      z.strictObject({
        type: z.enum(['stdio', 'sse', 'streamableHttp']),
        url,
        headers: texts.optional(),
        disabled: z.boolean().optional(),
      }),
    ),
  }),
}

/** The clients whose format is known here. */
export const PARSED_CLIENTS = Object.keys(FORMATS)

/** What a client reads of its file. @throws Error for what it would not take */
export function readAs(client: string, text: string): unknown {
  const format = FORMATS[client]
  if (format === undefined) throw new Error(`no format of ${client}`)
  return format.parse(client === 'codex' ? parseToml(text) : (JSON.parse(jsonOfJsonc(text)) as unknown))
}
