import { z } from 'zod'
import type { JsonObject } from '../../domain/json/json.ts'
import { legalName } from './desktop-config.ts'
import {
  argument,
  Filling,
  type Input,
  keyValue,
  type MissingInput,
  variables,
} from './server-json-inputs.ts'

/** What a `server.json` comes to. */
export interface ImportedServer {
  /** Without `tenantId`; disabled as long as something has to be filled in. */
  readonly document: JsonObject
  /** Required and not given: placeholders `<NAME>` stand in the document. */
  readonly missing: readonly MissingInput[]
  /** Sentences about what was left out. */
  readonly notes: readonly string[]
}

/** Ways to reach a remote, the best one first. */
const REMOTES: readonly string[] = ['streamable-http', 'sse']

const npmPackage = z.looseObject({
  registryType: z.string(),
  identifier: z.string().min(1),
  version: z.string().optional(),
  transport: z.looseObject({ type: z.string() }),
  runtimeHint: z.string().optional(),
  runtimeArguments: z.array(argument).default([]),
  packageArguments: z.array(argument).default([]),
  environmentVariables: z.array(keyValue).default([]),
})
const remote = z.looseObject({
  type: z.string(),
  url: z.string().min(1),
  headers: z.array(keyValue).default([]),
  variables,
})
const serverJson = z.looseObject({
  name: z.string().min(1),
  title: z.string().optional(),
  description: z.string().optional(),
  packages: z.array(npmPackage).default([]),
  remotes: z.array(remote).default([]),
})

type Package = z.output<typeof npmPackage>
type Remote = z.output<typeof remote>

/** One way to reach a server, of those that its `server.json` offers. */
export interface ServerChoice {
  readonly kind: 'remote' | 'package'
  /** As in `the package server-files` or `the remote over sse`. */
  readonly what: string
  /** The npm package that runs, and the address that is connected to. */
  readonly package: string | undefined
  readonly version: string | undefined
  readonly url: string | undefined
  /** What a person may fill in. */
  readonly inputs: readonly Input[]
}

/** What a `server.json` says of a server, before anything is chosen. */
export interface ServerChoices {
  /** Those that the gateway can use, in the order in which it would take them. */
  readonly choices: readonly ServerChoice[]
  /** The others, as in `a package of pypi over stdio`. */
  readonly unusable: readonly string[]
}

/** What a `server.json` leaves open, and the user of this gateway chose. */
export interface ServerJsonOptions {
  /** Name of the server here; otherwise made of the last part of its name there. */
  readonly name?: string
  /** Inputs by name: of a variable, a header, an argument, or an environment variable. */
  readonly values?: Readonly<Record<string, string>>
  /** Take this where the server offers both; a remote is taken otherwise, for nothing has to run here then. */
  readonly prefer?: 'remote' | 'package'
  /** Take exactly this one of `choicesOf`. */
  readonly choice?: number
  /** Name the package in the document, which the gateway has installed, in place of starting npx. */
  readonly isInstalled?: boolean
}

interface Offer extends Omit<ServerChoice, 'inputs'> {
  readonly part: (filling: Filling, isInstalled: boolean) => JsonObject
}

/** Whether a parsed file looks like the official registry's `server.json`, bare or as its API wraps it. */
export function isServerJson(value: unknown): boolean {
  const offers = z.union([
    z.looseObject({ packages: z.array(z.unknown()) }),
    z.looseObject({ remotes: z.array(z.unknown()) }),
  ])
  return z.looseObject({ name: z.string() }).and(offers).safeParse(unwrapped(value)).success
}

/**
 * The registry document that a `server.json` of the official MCP registry (schema of 2025) stands for: a remote
 * becomes `streamable-http` or `sse`, an npm package a `stdio` server that npx fetches in the version given.
 * @throws z.ZodError when it has another shape; Error when it offers nothing that the gateway can connect to
 */
export function documentOfServerJson(value: unknown, options: ServerJsonOptions = {}): ImportedServer {
  const server = serverJson.parse(unwrapped(value))
  const { values = {}, prefer = 'remote', choice = 0, isInstalled = false } = options
  const filling = new Filling(values)
  const offers = offersOf(server, prefer)
  const chosen = offers[choice]
  if (chosen === undefined) throw new Error(nothingUsable(server))
  const more = offers.length - 1
  const part = chosen.part(filling, isInstalled)
  return {
    document: {
      name: options.name ?? legalName(server.name.slice(server.name.lastIndexOf('/') + 1)),
      ...part,
      ...(server.description !== undefined && { description: server.description }),
      ...(filling.missing.length > 0 && { enabled: false }),
    },
    missing: filling.missing,
    notes: [
      ...(more > 0 && options.choice === undefined
        ? [`${chosen.what} was chosen; the server offers ${more} more usable choices`]
        : []),
      ...filling.notes,
    ],
  }
}

/** What a `server.json` offers, and what each choice asks for. @throws z.ZodError when it has another shape */
export function choicesOf(value: unknown): ServerChoices {
  const server = serverJson.parse(unwrapped(value))
  const choices = offersOf(server, 'remote').map(({ part, ...choice }) => {
    const filling = new Filling({})
    part(filling, true)
    return { ...choice, inputs: filling.inputs }
  })
  const unusable = [
    ...server.packages.filter((one) => !isRunnable(one)).map(packageText),
    ...server.remotes.filter(({ type }) => !REMOTES.includes(type)).map(remoteText),
  ]
  return { choices, unusable }
}

/** What the gateway could connect to, best first. */
function offersOf({ packages, remotes }: z.output<typeof serverJson>, prefer: 'remote' | 'package'): Offer[] {
  const ofRemotes = REMOTES.flatMap((wanted) =>
    remotes.filter(({ type }) => type === wanted).map((one) => remoteOffer(one)),
  )
  const ofPackages = packages.filter(isRunnable).map((one) => packageOffer(one))
  return prefer === 'remote' ? [...ofRemotes, ...ofPackages] : [...ofPackages, ...ofRemotes]
}

function remoteOffer(one: Remote): Offer {
  const { type, url } = one
  const what = `the remote over ${type}`
  return {
    kind: 'remote',
    what,
    url,
    package: undefined,
    version: undefined,
    part: (filling) => httpPart(one, filling),
  }
}

function packageOffer(one: Package): Offer {
  return {
    kind: 'package',
    what: `the package ${one.identifier}`,
    package: one.identifier,
    version: one.version,
    url: undefined,
    part: (filling, isInstalled) => stdioPart(one, filling, isInstalled),
  }
}

function unwrapped(value: unknown): unknown {
  const wrapper = z.looseObject({ server: z.looseObject({ name: z.string() }) }).safeParse(value)
  return wrapper.success ? wrapper.data.server : value
}

function isRunnable({ registryType, transport, runtimeHint }: Package): boolean {
  return registryType === 'npm' && transport.type === 'stdio' && (runtimeHint ?? 'npx') === 'npx'
}

function nothingUsable({ packages, remotes }: z.output<typeof serverJson>): string {
  const offers = [...packages.map(packageText), ...remotes.map(remoteText)]
  return `the server offers nothing that can be imported (npm packages over stdio, remotes over streamable-http or sse), but ${offers.join(', ') || 'nothing'}`
}

function packageText({ registryType, transport }: Package): string {
  return `a package of ${registryType} over ${transport.type}`
}

function remoteText({ type }: Remote): string {
  return `a remote over ${type}`
}

function stdioPart(one: Package, filling: Filling, isInstalled: boolean): JsonObject {
  const { identifier, version, runtimeArguments, packageArguments, environmentVariables } = one
  const env = filling.keyValues(environmentVariables, 'env')
  const ofRuntime = runtimeArguments
    .flatMap((given) => filling.argument(given))
    .filter((text) => text !== '-y')
  const args = packageArguments.flatMap((given) => filling.argument(given))
  const name = version === undefined ? identifier : `${identifier}@${version}`
  return {
    transport: 'stdio',
    ...(isInstalled
      ? { package: name, ...(args.length > 0 && { args }) }
      : { command: 'npx', args: ['-y', ...ofRuntime, name, ...args] }),
    ...(Object.keys(env).length > 0 && { env }),
  }
}

function httpPart({ type, url, headers: listed, variables: known }: Remote, filling: Filling): JsonObject {
  const headers = filling.keyValues(listed, 'headers')
  return {
    transport: type,
    url: filling.template(url, known, 'url'),
    ...(Object.keys(headers).length > 0 && { headers }),
  }
}
