import type { CallerEra } from './callers/use-everything.ts'
import type { Eras } from './everything/endpoint.ts'
import type { SuiteVersion } from './suite.ts'

/** One start of the official suite. */
export type Run = ServerRun | ClientRun | AuthorizationRun

interface AnyRun {
  readonly name: string
  readonly title: string
  readonly version: SuiteVersion
  /** Which scenarios, in the words of the suite's command line. */
  readonly selection: readonly string[]
  /** The run without the gateway that this one is compared with; none for those. */
  readonly baseline?: string
  /** Whether it runs only when its name is given. */
  readonly isByNameOnly?: true
  /** Checks that pass at least; guards a run that has no other to be compared with. */
  readonly atLeast?: number
}

interface ServerRun extends AnyRun {
  readonly side: 'server'
  /** What the server speaks. */
  readonly eras: Eras
}

interface AuthorizationRun extends AnyRun {
  readonly side: 'authorization'
}

interface ClientRun extends AnyRun {
  readonly side: 'client'
  /** What the caller speaks. */
  readonly era: CallerEra
  /** Who is tested where there is no run to compare with; the caller itself by default. */
  readonly client?: 'gateway' | 'bridge'
  /** How the names of the scenarios begin that count; all by default. */
  readonly only?: string
}

const ALL_OLD = { version: '0.1.16', selection: ['--suite', 'all'] } as const
const SET_2025 = { version: '0.2', selection: ['--requirements', '2025-11-25'] } as const
const SET_2026 = { version: '0.2', selection: ['--requirements', '2026-07-28'] } as const

/** In an order in which a run comes after the one that it is compared with. */
export const RUNS: readonly Run[] = [
  { name: 'direct-0.1.16', side: 'server', ...ALL_OLD, eras: 'both', title: 'no gateway', atLeast: 44 },
  { name: 'direct-2025-11-25', side: 'server', ...SET_2025, eras: 'both', title: 'no gateway', atLeast: 84 },
  { name: 'direct-2026-07-28', side: 'server', ...SET_2026, eras: 'both', title: 'no gateway', atLeast: 194 },
  {
    name: 'matched-0.1.16',
    side: 'server',
    ...ALL_OLD,
    eras: 'legacy',
    title: 'legacy client, legacy server',
    baseline: 'direct-0.1.16',
  },
  {
    name: 'matched-2025-11-25',
    side: 'server',
    ...SET_2025,
    eras: 'legacy',
    title: 'legacy client, legacy server',
    baseline: 'direct-2025-11-25',
  },
  {
    name: 'matched-2026-07-28',
    side: 'server',
    ...SET_2026,
    eras: 'modern',
    title: 'modern client, modern server',
    baseline: 'direct-2026-07-28',
  },
  {
    name: 'crossed-2025-11-25',
    side: 'server',
    ...SET_2025,
    eras: 'modern',
    title: 'legacy client, modern server',
    baseline: 'direct-2025-11-25',
  },
  {
    name: 'crossed-2026-07-28',
    side: 'server',
    ...SET_2026,
    eras: 'legacy',
    title: 'modern client, legacy server',
    baseline: 'direct-2026-07-28',
  },
  {
    name: 'client-direct-2025-11-25',
    side: 'client',
    ...SET_2025,
    era: 'legacy',
    title: 'no gateway',
    atLeast: 19,
  },
  {
    name: 'client-direct-2026-07-28',
    side: 'client',
    ...SET_2026,
    era: 'modern',
    title: 'no gateway',
    atLeast: 66,
  },
  {
    name: 'client-matched-2025-11-25',
    side: 'client',
    ...SET_2025,
    era: 'legacy',
    title: 'legacy caller, legacy server',
    baseline: 'client-direct-2025-11-25',
  },
  {
    name: 'client-matched-2026-07-28',
    side: 'client',
    ...SET_2026,
    era: 'modern',
    title: 'modern caller, modern server',
    baseline: 'client-direct-2026-07-28',
  },
  {
    name: 'client-crossed-2025-11-25',
    side: 'client',
    ...SET_2025,
    era: 'modern',
    title: 'modern caller, legacy server',
    baseline: 'client-direct-2025-11-25',
  },
  {
    name: 'client-crossed-2026-07-28',
    side: 'client',
    ...SET_2026,
    era: 'legacy',
    title: 'legacy caller, modern server',
    baseline: 'client-direct-2026-07-28',
  },
  {
    name: 'bridge-auth',
    side: 'client',
    version: '0.2',
    selection: ['--suite', 'auth'],
    era: 'legacy',
    client: 'bridge',
    title: 'tool-gateway connect signs in',
    atLeast: 200,
  },
  {
    name: 'bridge-auth-2026-07-28',
    side: 'client',
    version: '0.2',
    // What 2026-07-28 adds. Begins 17 bridges at once, for some of which a busy machine has no time.
    selection: ['--suite', 'draft'],
    isByNameOnly: true,
    only: 'auth/',
    era: 'modern',
    client: 'bridge',
    title: 'tool-gateway connect signs in',
    atLeast: 80,
  },
  {
    name: 'authorization-server',
    side: 'authorization',
    version: '0.2',
    selection: [],
    title: 'the authorization server of the gateway',
    atLeast: 3,
  },
  {
    name: 'client-credentials-basic',
    side: 'client',
    version: '0.2',
    selection: ['--scenario', 'auth/client-credentials-basic'],
    era: 'modern',
    client: 'gateway',
    title: 'auth kind client_credentials with a secret',
    atLeast: 16,
  },
  {
    name: 'client-credentials-jwt',
    side: 'client',
    version: '0.2',
    selection: ['--scenario', 'auth/client-credentials-jwt'],
    era: 'modern',
    client: 'gateway',
    title: 'auth kind client_credentials with a key',
    atLeast: 16,
  },
]
