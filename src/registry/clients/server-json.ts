import { z } from 'zod'
import type { JsonObject } from '../../domain/json/json.ts'
import { legalName } from './desktop-config.ts'

/** A value that only a person knows. */
export interface MissingInput {
  /** Where it goes in the document, as in `env.API_KEY`, or the variable of a URL. */
  readonly place: string
  readonly name: string
  readonly description: string | undefined
  readonly isSecret: boolean
  readonly choices: readonly string[]
}

/** What a `server.json` comes to. */
export interface ImportedServer {
  /** Without `tenantId`; disabled as long as something has to be filled in. */
  readonly document: JsonObject
  /** Required and not given: placeholders `<NAME>` stand in the document. */
  readonly missing: readonly MissingInput[]
  /** Sentences about what was left out. */
  readonly notes: readonly string[]
}

const input = z.looseObject({
  value: z.string().optional(),
  default: z.string().optional(),
  description: z.string().optional(),
  isRequired: z.boolean().optional(),
  isSecret: z.boolean().optional(),
  choices: z.array(z.string()).optional(),
})
const variables = z.record(z.string(), input).optional()
const keyValue = input.extend({ name: z.string().min(1), variables })
const argument = z.discriminatedUnion('type', [
  input.extend({ type: z.literal('positional'), valueHint: z.string().optional(), variables }),
  input.extend({ type: z.literal('named'), name: z.string().min(1), variables }),
])
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

type Input = z.output<typeof input>
type Argument = z.output<typeof argument>
type Variables = z.output<typeof variables>
type Package = z.output<typeof npmPackage>
type Remote = z.output<typeof remote>

/** What a `server.json` leaves open, and the user of this gateway chose. */
export interface ServerJsonOptions {
  /** Name of the server here; otherwise made of the last part of its name there. */
  readonly name?: string
  /** Inputs by name: of a variable, a header, an argument, or an environment variable. */
  readonly values?: Readonly<Record<string, string>>
  /** Take this where the server offers both; a remote is taken otherwise, for nothing has to run here then. */
  readonly prefer?: 'remote' | 'package'
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
  const filling = new Filling(options.values ?? {})
  const offers = offersOf(server, filling, options.prefer ?? 'remote')
  const [chosen] = offers
  if (chosen === undefined) throw new Error(nothingUsable(server))
  const more = offers.length - 1
  const part = chosen.part()
  return {
    document: {
      name: options.name ?? legalName(server.name.slice(server.name.lastIndexOf('/') + 1)),
      ...part,
      ...(server.description !== undefined && { description: server.description }),
      ...(filling.missing.length > 0 && { enabled: false }),
    },
    missing: filling.missing,
    notes: [
      ...(more > 0 ? [`${chosen.what} was chosen; the server offers ${more} more usable choices`] : []),
      ...filling.notes,
    ],
  }
}

/** What the gateway could connect to, best first. */
function offersOf(
  { packages, remotes }: z.output<typeof serverJson>,
  filling: Filling,
  prefer: 'remote' | 'package',
): { what: string; part: () => JsonObject }[] {
  const ofRemotes = ['streamable-http', 'sse'].flatMap((wanted) =>
    remotes
      .filter(({ type }) => type === wanted)
      .map((one) => ({ what: `the remote over ${wanted}`, part: () => httpPart(one, filling) })),
  )
  const ofPackages = packages
    .filter(isRunnable)
    .map((one) => ({ what: `the package ${one.identifier}`, part: () => stdioPart(one, filling) }))
  return prefer === 'remote' ? [...ofRemotes, ...ofPackages] : [...ofPackages, ...ofRemotes]
}

function unwrapped(value: unknown): unknown {
  const wrapper = z.looseObject({ server: z.looseObject({ name: z.string() }) }).safeParse(value)
  return wrapper.success ? wrapper.data.server : value
}

function isRunnable({ registryType, transport, runtimeHint }: Package): boolean {
  return registryType === 'npm' && transport.type === 'stdio' && (runtimeHint ?? 'npx') === 'npx'
}

function nothingUsable({ packages, remotes }: z.output<typeof serverJson>): string {
  const offers = [
    ...packages.map(({ registryType, transport }) => `a package of ${registryType} over ${transport.type}`),
    ...remotes.map(({ type }) => `a remote over ${type}`),
  ]
  return `the server offers nothing that can be imported (npm packages over stdio, remotes over streamable-http or sse), but ${offers.join(', ') || 'nothing'}`
}

function stdioPart({ identifier, version, ...rest }: Package, filling: Filling): JsonObject {
  const env = filling.keyValues(rest.environmentVariables, 'env')
  return {
    transport: 'stdio',
    command: 'npx',
    args: [
      '-y',
      ...rest.runtimeArguments.flatMap((one) => filling.argument(one)).filter((text) => text !== '-y'),
      version === undefined ? identifier : `${identifier}@${version}`,
      ...rest.packageArguments.flatMap((one) => filling.argument(one)),
    ],
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

/** Fills inputs from what is given, fixed or a default, and remembers what is missing. */
class Filling {
  readonly missing: MissingInput[] = []
  readonly notes: string[] = []
  readonly #values: Readonly<Record<string, string>>

  constructor(values: Readonly<Record<string, string>>) {
    this.#values = values
  }

  keyValues(inputs: readonly z.output<typeof keyValue>[], place: string): Record<string, string> {
    const pairs = inputs.flatMap((one) => {
      const value = this.#value(one, one.name, `${place}.${one.name}`, one.variables)
      return value === undefined ? [] : [[one.name, value] as const]
    })
    return Object.fromEntries(pairs)
  }

  argument(one: Argument): string[] {
    const name = one.type === 'named' ? one.name : (one.valueHint ?? 'argument')
    const isFlag =
      one.type === 'named' && one.value === undefined && one.default === undefined && !one.isRequired
    if (isFlag && !Object.hasOwn(this.#values, name)) {
      this.notes.push(`args: ${name} is optional and was left out`)
      return []
    }
    const value = this.#value(one, name, `args: ${name}`, one.variables)
    if (value === undefined) return []
    return one.type === 'named' ? [name, value] : [value]
  }

  /** A text with its `{variables}` replaced; those without a value stay. */
  template(text: string, known: Variables, place: string): string {
    return text.replace(/\{([^{}]+)\}/g, (whole, name: string) => {
      const variable = known?.[name]
      if (variable === undefined) return this.#given(name) ?? whole
      return this.#value(variable, name, `${place} {${name}}`, undefined) ?? ''
    })
  }

  #value(one: Input, name: string, place: string, known: Variables): string | undefined {
    if (one.value !== undefined) return this.template(one.value, known, place)
    const value = this.#given(name) ?? one.default
    if (value !== undefined) return value
    if (one.isRequired !== true) {
      this.notes.push(
        `${place} is optional and was left out${one.description === undefined ? '' : `: ${one.description}`}`,
      )
      return undefined
    }
    const { description, isSecret = false, choices = [] } = one
    this.missing.push({ place, name, description, isSecret, choices })
    return `<${name}>`
  }

  #given(name: string): string | undefined {
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined
  }
}
