import { isolation } from './families/isolation.ts'
import { jsonRpc } from './families/json-rpc.ts'
import { names } from './families/names.ts'
import { parameters } from './families/parameters.ts'
import { registry } from './families/registry.ts'
import { rest } from './families/rest.ts'
import { tokens } from './families/tokens.ts'
import { framing } from './families/framing.ts'
import { headers } from './families/headers.ts'
import { modern } from './families/modern.ts'
import { management } from './families/management.ts'
import { floods, sessions } from './families/sessions.ts'
import { websocket } from './families/websocket.ts'
import { EVIL, upstreamHttp } from './families/upstream-http.ts'
import { PROCESSES, upstreamStdio } from './families/upstream-stdio.ts'
import type { Family } from './row.ts'
import type { Needs } from './world/world.ts'

/** The catalogue. */
export const FAMILIES: readonly Family[] = [
  tokens,
  jsonRpc,
  modern,
  framing,
  headers,
  names,
  parameters,
  rest,
  registry,
  sessions,
  floods,
  websocket,
  management,
  isolation,
  upstreamHttp,
  upstreamStdio,
]

/** The servers that its rows need. */
export const NEEDS: Needs = {
  evil: { document: EVIL, program: 'http-process.ts' },
  ...PROCESSES,
}
