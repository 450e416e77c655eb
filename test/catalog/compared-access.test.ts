import { beforeEach, expect, test } from '@jest/globals'
import { agentCell } from '../../src/catalog/access/matrix.ts'
import { simulate, type Simulation } from '../../src/catalog/access/simulation.ts'
import type { ViewSource } from '../../src/catalog/view.ts'
import { atOnce, type Slices } from '../../src/domain/concurrency/slices.ts'
import type { ServerDefinition, ServerKey } from '../../src/domain/documents/server-definition.ts'
import { offer, server, tool } from '../support/offers.ts'
import { catalogOf } from '../support/routing.ts'

/** A registry that counts how often servers are looked up in it: once for each explanation of a decision. */
class CountingServers extends Map<ServerKey, ServerDefinition> {
  count = 0

  override get(key: ServerKey): ServerDefinition | undefined {
    this.count += 1
    return super.get(key)
  }
}

const TOOLS = Array.from({ length: 200 }, (_, at) => `t${at}`)
const alpha = server()
let servers: CountingServers
let source: ViewSource

beforeEach(() => {
  const {
    snapshot,
    catalogOf: of,
    isAvailable,
  } = catalogOf([alpha, offer({ tools: TOOLS.map((name) => tool(name)) })]).source()
  servers = new CountingServers(snapshot.servers)
  source = { snapshot: { ...snapshot, servers }, catalogOf: of, isAvailable }
})

/** The most look-ups without a pause. */
function longestStretch(work: Slices<unknown>): number {
  let longest = 0
  for (let isDone = false; !isDone;) {
    const before = servers.count
    isDone = work.next().done === true
    longest = Math.max(longest, servers.count - before)
  }
  return longest
}

const simulated = (edited: ServerDefinition): Slices<Simulation> =>
  simulate(source, { put: [edited], removed: [] }, { tenantId: 'acme', sessions: [] })

const agents = (count: number): string[] => Array.from({ length: count }, (_, at) => `a${at}`)
const naming = (count: number): ServerDefinition =>
  server({ tools: { t0: { agentAllowlist: agents(count) } } })

test('comparing what roles and agents may use pauses after at most 25 decisions', () => {
  expect(longestStretch(simulated(naming(20)))).toBe(25)
  expect(longestStretch(agentCell(source, { tenantId: 'acme', agent: 'a' }, alpha))).toBe(25)
})

test('a simulation decides at most 100,000 times about agents, and says how many it left out', () => {
  const { agents: changed, agentsLeftOut, rolesLeftOut } = atOnce(simulated(naming(300)))
  expect(changed).toEqual([{ agent: null, gained: [], lost: ['alpha_t0'] }])
  expect([agentsLeftOut, rolesLeftOut]).toEqual([50, 0])
  // Of the side before the edit, for 250 agents and for callers without one, and without a role.
  expect(servers.count).toBe(252 * 200 + 1)
})

test('the agents that an edited document names are compared before all others', () => {
  const beta = server({ name: 'beta', agentAllowlist: agents(1000) })
  servers.set('acme/beta', beta)
  const { agents: changed, agentsLeftOut } = atOnce(
    simulated(server({ tools: { t0: { agentAllowlist: ['zoe'] }, t1: { agentAllowlist: ['yan'] } } })),
  )
  expect(changed.filter(({ agent }) => agent === 'zoe' || agent === 'yan')).toEqual([
    { agent: 'yan', gained: [], lost: ['alpha_t0'] },
    { agent: 'zoe', gained: [], lost: ['alpha_t1'] },
  ])
  expect(agentsLeftOut).toBe(1002 - 250)
})
