import { jsonRpc } from './families/json-rpc.ts'
import { tokens } from './families/tokens.ts'
import { http } from './families/http.ts'
import type { Family } from './row.ts'
import type { Needs } from './world/world.ts'

/** The catalogue. */
export const FAMILIES: readonly Family[] = [tokens, jsonRpc, http]

/** The servers that its rows need. */
export const NEEDS: Needs = { documents: {}, behaviours: {} }
