import { loadSettings } from './config/load.ts'
import type { SettingName } from './config/schema.ts'
import { startGateway as start } from './gateway.ts'
import { createLogger } from './telemetry/logger.ts'

/** How a gateway inside another program is set up. */
export interface EmbeddedOptions {
  /**
   * Settings by their names in docs/config.md, each as text: `{ PORT: '0', DATA_DIR: './gateway' }`. The environment of the
   * program is not read for them.
   */
  readonly settings?: Readonly<Partial<Record<SettingName, string>>>
  /** The stream for the log, one JSON object per line; standard error by default. */
  readonly log?: NodeJS.WritableStream
  /** Called at each change of a server's state. */
  readonly onServerState?: (server: EmbeddedServer) => void
}

/** The current state of a server. */
export interface EmbeddedServer {
  readonly name: string
  readonly tenantId: string
  /** `ready` once its tools can be called. */
  readonly state: string
}

/** The subject and rights of a token of the gateway's own issuer. */
export interface EmbeddedTokenRequest {
  /** The tenant; that of `DEFAULT_TENANT` unless given. */
  readonly tenantId?: string
  readonly subject: string
  readonly roles?: readonly string[]
  readonly scopes?: readonly string[]
  readonly agent?: string
  /** How long it is valid in seconds; 900 unless given. */
  readonly lifetimeSeconds?: number
}

/** A gateway that runs inside this program. */
export interface EmbeddedGateway {
  /** Where it listens, for example `http://127.0.0.1:8080`; `/mcp` below it is for MCP clients. */
  readonly url: string
  readonly metricsUrl: string | undefined
  readonly servers: () => readonly EmbeddedServer[]
  /**
   * A token of the gateway's own issuer, which it has while it listens on loopback with a registry file.
   * @throws Error where only identity providers issue tokens
   */
  readonly token: (request: EmbeddedTokenRequest) => Promise<string>
  /**
   * Ends it as a signal ends the command: calls in flight finish, processes of servers end, records are written. Resolves with
   * the parts that could not be closed. Idempotent.
   */
  readonly close: () => Promise<readonly { readonly name: string; readonly error: unknown }[]>
}

/**
 * Starts a gateway inside this program. It opens its own port, and handles no signal: call `close` before the program ends.
 * @throws an error with the name `SettingsError` for settings that cannot be used; Error when the port or the data directory is in use
 */
export async function startGateway(options: EmbeddedOptions = {}): Promise<EmbeddedGateway> {
  const { log, onServerState } = options
  const settings = loadSettings(options.settings ?? {})
  const { logLevel: level } = settings
  const logger = createLogger({ level, format: 'json', ...(log && { destination: log }) })
  const gateway = await start(settings, {
    logger,
    ...(onServerState && { onServerState: (status) => onServerState(serverOf(status)) }),
  })
  const { url, metricsUrl, localIssuer } = gateway
  return {
    url,
    metricsUrl,
    servers: () => gateway.statuses().map(serverOf),
    token: async ({ tenantId = settings.defaultTenant, roles = [], lifetimeSeconds = 900, ...rest }) => {
      if (localIssuer === undefined)
        throw new Error('this gateway issues no tokens: take one from the identity provider that it trusts')
      return await localIssuer.issue({ tenantId, roles, ttlMs: lifetimeSeconds * 1000, ...rest })
    },
    close: () => gateway.close(),
  }
}

function serverOf({ name, tenantId, state }: EmbeddedServer): EmbeddedServer {
  return { name, tenantId, state }
}
