import { type Clock, systemClock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { Connection } from '../connection/connection.ts'
import { httpStatusOf } from '../connection/upstream-error.ts'
import { OfferProblems } from './definitions/offer-problems.ts'
import {
  countedBytes,
  type Listed,
  type ListName,
  type ListOf,
  listAll,
  MAX_LIST_BYTES,
  type NamedItem,
  PROMPTS,
  RESOURCES,
  TEMPLATES,
  TOOLS,
} from './listing.ts'

/** The items, by the server's own name or URI of each, that it shows only to a client that declares capabilities. */
export type NeedsClient = Readonly<Record<ListName, ReadonlySet<string>>>

/** Every item shows to every client. */
export const NEEDS_NO_CLIENT: NeedsClient = {
  tools: new Set(),
  prompts: new Set(),
  resources: new Set(),
  resourceTemplates: new Set(),
}

/** What a server offers at one time. */
export interface Offer {
  readonly tools: readonly NamedItem[]
  /** Each has a string `uri`. */
  readonly resources: readonly NamedItem[]
  /** Each has a string `uriTemplate`. */
  readonly resourceTemplates: readonly NamedItem[]
  readonly prompts: readonly NamedItem[]
  readonly capabilities: JsonObject
  readonly instructions?: string
  /** Which of the items need a client that the server can ask. */
  readonly needsClient: NeedsClient
  /** For how long a list may be taken for current, in milliseconds, where the server said so. */
  readonly ttlMs: Readonly<Partial<Record<ListName, number>>>
  /** What was left out and why, each a sentence for the operator. */
  readonly problems: readonly string[]
  /** A list was not waited for until its time was over. */
  readonly isPartial?: boolean
  /** It stands for what the server offers, which is not known yet: the definitions are the gateway's. */
  readonly isPlaceholder?: boolean
}

/** How long discovery may take, and what the server offered before. */
export interface DiscoverOptions {
  /** For each request of the list of tools. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly clock?: Clock
  /** For each list that is not the tools', all pages together; 5 s by default and at most. */
  readonly optionalMs?: number
  /** What the server offered before, of which a list stays that cannot be read now. */
  readonly previous?: Offer | undefined
}

/** Capabilities of which each has lists. */
const OFFERING = ['tools', 'resources', 'prompts']

/** A list that is not the tools' must not keep these waiting for longer. */
const OPTIONAL_MS = 5000
/** While a server starts, others wait for its place. */
const FIRST_OPTIONAL_MS = 1000

/**
 * Asks a server for everything it declares, all pages, the four lists at the same time. An item that clients could
 * not take is left out alone, and so is a list that cannot be read, unless it is that of the tools.
 * @throws GatewayError when the tools cannot be read
 */
export async function discover(connection: Connection, options: DiscoverOptions): Promise<Offer> {
  const problems = new OfferProblems()
  const ttlMs: Partial<Record<ListName, number>> = {}
  const onTtl = ({ member }: ListOf, given: unknown): void => {
    if (connection.era !== 'modern' || typeof given !== 'number' || !Number.isSafeInteger(given)) return
    ttlMs[member] = Math.min(ttlMs[member] ?? Infinity, Math.max(given, 0))
  }
  const late = new Set<ListName>()
  const noted = (kind: ListOf): Noted => ({
    problems,
    onTtl: (given) => onTtl(kind, given),
    onLate: () => late.add(kind.member),
  })
  const optional = (kind: ListOf): Promise<Listed> => listOptional(connection, kind, options, noted(kind))
  const [tools, prompts, resourceTemplates, resources] = await Promise.all([
    listTools(connection, options, noted(TOOLS)),
    optional(PROMPTS),
    optional(TEMPLATES),
    optional(RESOURCES),
  ])
  const { capabilities, instructions } = connection
  if (!OFFERING.some((capability) => isJsonObject(capabilities[capability])))
    problems.add('', 'its capabilities declare no tools, resources or prompts, so it is asked for none')
  return {
    ...withinBytes({ tools, prompts, resourceTemplates, resources }, problems),
    capabilities,
    ...(instructions !== undefined && { instructions }),
    needsClient: NEEDS_NO_CLIENT,
    ttlMs,
    problems: problems.lines,
    ...(late.size > 0 && { isPartial: true }),
  }
}

/** The same for a server that is about to be ready: lists that are slow are asked for again once it is. */
export function discoverFirst(connection: Connection, options: DiscoverOptions): Promise<Offer> {
  return discover(connection, { ...options, optionalMs: FIRST_OPTIONAL_MS })
}

interface Noted {
  readonly problems: OfferProblems
  readonly onTtl: (given: unknown) => void
  /** The list was given up before its time was over. */
  readonly onLate: () => void
}

/** The tools, or an error that says which list failed and how. */
async function listTools(connection: Connection, options: DiscoverOptions, noted: Noted): Promise<Listed> {
  try {
    return await listAll(connection, TOOLS, options, noted)
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    const { code, facts } = error
    const message = `${TOOLS.method}: ${failureOf(error, options.timeoutMs)}`
    throw new GatewayError(code, message, { cause: error, facts })
  }
}

/** What a list that tools do not need has, as far as it can be read in time. */
async function listOptional(
  connection: Connection,
  kind: ListOf,
  { signal, timeoutMs, clock = systemClock, previous, optionalMs = OPTIONAL_MS }: DiscoverOptions,
  noted: Noted,
): Promise<Listed> {
  const endsAt = clock.monotonic() + Math.min(timeoutMs, optionalMs)
  const limits = {
    signal,
    get timeoutMs() {
      return Math.max(1, endsAt - clock.monotonic())
    },
  }
  try {
    return await listAll(connection, kind, limits, noted)
  } catch (error) {
    const isTimeout = error instanceof GatewayError && error.code === 'upstream_timeout'
    if (isTimeout && optionalMs < OPTIONAL_MS) noted.onLate()
    const before = previous?.[kind.member] ?? []
    const kept = before.length > 0 ? '; what it listed before stays' : ''
    noted.problems.add('', `${kind.method}: ${failureOf(error, optionalMs)}${kept}`)
    return new Map(before.map((item) => [String(item[kind.identity]), { item, bytes: countedBytes(item) }]))
  }
}

function failureOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof GatewayError)) return 'it failed'
  const { upstream } = error.facts
  if (upstream !== undefined) return `it failed with error ${upstream.code}`
  const status = httpStatusOf(error)
  if (status !== undefined) return `HTTP ${status}`
  return error.code === 'upstream_timeout' ? `no response within ${timeoutMs / 1000} s` : error.message
}

/** The lists without the definitions that are too much for one server, those first that matter most. */
function withinBytes(
  lists: Readonly<Record<ListName, Listed>>,
  problems: OfferProblems,
): Record<ListName, NamedItem[]> {
  let left = MAX_LIST_BYTES
  const fitting = ({ member, method }: ListOf): NamedItem[] => {
    const items: NamedItem[] = []
    for (const { item, bytes } of lists[member].values()) {
      left -= bytes
      if (left >= 0) items.push(item)
    }
    const leftOut = lists[member].size - items.length
    if (leftOut > 0)
      problems.add(
        '',
        `${method}: ${leftOut} are left out: the definitions of a server may have ${MAX_LIST_BYTES / 1024 / 1024} MiB together`,
      )
    return items
  }
  return {
    tools: fitting(TOOLS),
    prompts: fitting(PROMPTS),
    resourceTemplates: fitting(TEMPLATES),
    resources: fitting(RESOURCES),
  }
}
