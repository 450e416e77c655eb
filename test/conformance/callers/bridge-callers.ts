import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BridgeProcess, bridgeCommand } from '../../support/bridge-process.ts'
import { clickingBrowser } from '../../support/clicking-browser.ts'
import { initialize, withEnvelope } from '../../support/raw-mcp.ts'
import { type CallerService, type Scenario, serve } from './caller-service.ts'
import type { CallerEra } from './use-everything.ts'

/** Where the suite expects the metadata document of clients that have one; its servers do not fetch it. */
const METADATA_URL = 'https://conformance-test.local/client-metadata.json'
/** All scenarios of the suite sign in at the same time. */
const SIGN_IN_SECONDS = '110'

/** `tool-gateway connect` is the client under test, with a person who allows what it asks for. */
export function startBridgeCallers(era: CallerEra): Promise<CallerService> {
  return serve(
    (scenario) => play(scenario, era),
    () => Promise.resolve(),
  )
}

async function play(scenario: Scenario, era: CallerEra): Promise<readonly string[]> {
  const home = await mkdtemp(join(tmpdir(), 'conformance-bridge-'))
  const bridge = new BridgeProcess(
    bridgeCommand(scenario.url, {
      home,
      browser: await clickingBrowser(home),
      args: await argsFor(scenario, home),
    }),
  )
  try {
    const paramsOf = (params: Record<string, unknown>): Record<string, unknown> =>
      era === 'modern' ? withEnvelope(params) : params
    if (!(await opens(bridge, era))) return []
    const { result } = await bridge.request(2, 'tools/list', paramsOf({}))
    const { tools = [] } = (result ?? {}) as { tools?: { name: string }[] }
    for (const [index, { name }] of tools.entries())
      await bridge.request(3 + index, 'tools/call', paramsOf({ name, arguments: {} }))
    return []
  } finally {
    bridge.end()
    await bridge.exitCode()
    await rm(home, { recursive: true, force: true })
  }
}

/** Opens the conversation; whether the server agrees. */
async function opens(bridge: BridgeProcess, era: CallerEra): Promise<boolean> {
  const answer =
    era === 'modern'
      ? await bridge.request(1, 'server/discover', withEnvelope())
      : await bridge.request(1, 'initialize', initialize(1)['params'])
  if (answer['error'] !== undefined) return false
  if (era === 'legacy') bridge.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
  return true
}

async function argsFor({ context }: Scenario, home: string): Promise<string[]> {
  const { client_id: id, client_secret: secret } = context
  const common = ['--sign-in-timeout', SIGN_IN_SECONDS, '--client-metadata-url', METADATA_URL]
  if (id === undefined) return common
  if (secret === undefined) return [...common, '--client-id', id]
  const file = join(home, 'secret')
  await writeFile(file, secret, { mode: 0o600 })
  return [...common, '--client-id', id, '--client-secret-file', file]
}
