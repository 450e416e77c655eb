import { isIPv6 } from 'node:net'
import { guarded } from '../../domain/errors/guarded.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { ALL_TENANTS } from '../../domain/principal.ts'
import type { ServiceFacts, SliceFacts } from './kubernetes-objects.ts'
import type { RegistryDocument } from '../documents/registry-document.ts'

const PREFIX = 'tool-gateway/'
const ANNOTATIONS = [
  'enabled',
  'name',
  'tenant',
  'transport',
  'port',
  'path',
  'roles',
  'agents',
  'description',
] as const
type Annotation = (typeof ANNOTATIONS)[number]

const TRANSPORTS = ['streamable-http', 'sse', 'http']
const PATH = /^\/[\x21\x22\x24-\x7e]*$/
/** Names of the port to take where a Service has several. */
const USUAL_PORTS = ['mcp', 'http']
const MAX_INSTANCES = 100

/** What a cluster does not say itself. */
export interface DiscoveryRules {
  /** The tenant, or `*`, that servers of a namespace belong to. */
  readonly tenantOf: (namespace: string) => string
  readonly addresses: 'pods' | 'service'
}

interface Reading {
  readonly annotations: Readonly<Partial<Record<Annotation, string>>>
  readonly problems: string[]
  /** Whether a problem leaves open who may use the server. */
  isHidden: boolean
}

/**
 * The documents that the Services of a cluster stand for, the oldest Service first, so that a newer one cannot take its
 * name. What is wrong with annotations is in the document's problems; where that is about who may use the server, no
 * earlier version of it serves.
 */
export function documentsOfServices(
  services: readonly ServiceFacts[],
  slices: readonly SliceFacts[],
  rules: DiscoveryRules,
): RegistryDocument[] {
  const slicesOf = Map.groupBy(slices, ({ namespace, serviceName }) => `${namespace}/${serviceName}`)
  return services
    .map((service) => ({ service, id: `kubernetes/${service.namespace}/${service.name}` }))
    .toSorted((a, b) => a.service.createdAt - b.service.createdAt || (a.id < b.id ? -1 : 1))
    .map(({ service, id }) => {
      const own = slicesOf.get(`${service.namespace}/${service.name}`) ?? []
      return guarded<RegistryDocument>(
        () => ({ id, ...documentOf(service, own, rules) }),
        (reason) => ({ id, value: { name: service.name }, problems: [reason], isHidden: true }),
      )
    })
}

function documentOf(
  service: ServiceFacts,
  slices: readonly SliceFacts[],
  { tenantOf, addresses }: DiscoveryRules,
): Omit<RegistryDocument, 'id'> {
  const reading = annotationsOf(service)
  const { annotations } = reading
  const who = {
    name: annotations.name ?? service.name,
    tenantId: tenantIn(reading, tenantOf(service.namespace)),
    ...listIn(reading, 'roles', 'requiredRoles'),
    ...listIn(reading, 'agents', 'agentAllowlist'),
  }
  const transport = transportIn(reading)
  const path = pathIn(reading, transport)
  const port = portIn(reading, service)
  const { problems, isHidden } = reading
  if (port === undefined || problems.length > 0) return { value: who, problems, isHidden }
  const hosts = hostsOf(service, addresses === 'pods' ? slices : [], port)
  const instances = hosts.slice(0, MAX_INSTANCES).map((host) => ({ url: `http://${host}${path}` }))
  const { description } = annotations
  return { value: { ...who, transport, instances, ...(description !== undefined && { description }) } }
}

function annotationsOf({ annotations, type }: ServiceFacts): Reading {
  const own = Object.entries(annotations).filter(([key]) => key.startsWith(PREFIX))
  const known: readonly string[] = ANNOTATIONS
  const unknown = own.filter(([key]) => !known.includes(key.slice(PREFIX.length)))
  return {
    annotations: Object.fromEntries(own.map(([key, text]) => [key.slice(PREFIX.length), text.trim()])),
    problems: [
      ...unknown.map(([key]) => `annotation ${key.slice(0, 128)}: unknown annotation`),
      // Its DNS name could lead anywhere, out of the cluster too.
      ...(type === 'ExternalName' ? ['spec.type: a Service of type ExternalName has no endpoints'] : []),
    ],
    // It could be a misspelled rule for who may use the server.
    isHidden: unknown.length > 0,
  }
}

function refuse(reading: Reading, annotation: Annotation, text: string): undefined {
  reading.problems.push(`annotation ${PREFIX}${annotation}: ${text}`)
  if (['tenant', 'roles', 'agents'].includes(annotation)) reading.isHidden = true
  return undefined
}

/** A Service in a namespace for all tenants may name one; any other belongs to the tenant of its namespace. */
function tenantIn(reading: Reading, owner: string): string {
  const { tenant = owner } = reading.annotations
  if (tenant === owner || owner === ALL_TENANTS) return tenant
  refuse(reading, 'tenant', `the Services of this namespace belong to tenant ${owner}`)
  return owner
}

function listIn(reading: Reading, annotation: 'roles' | 'agents', field: string): JsonObject {
  const text = reading.annotations[annotation]
  if (text === undefined) return {}
  const names = text.split(',').map((name) => name.trim())
  if (names.includes('')) refuse(reading, annotation, 'expected names separated by commas')
  return { [field]: names }
}

function transportIn(reading: Reading): string {
  const { transport = 'http' } = reading.annotations
  if (!TRANSPORTS.includes(transport)) refuse(reading, 'transport', 'expected streamable-http, sse or http')
  return transport
}

function pathIn(reading: Reading, transport: string): string {
  const { path = transport === 'sse' ? '/sse' : '/mcp' } = reading.annotations
  if (!PATH.test(path)) refuse(reading, 'path', 'expected a path that begins with /')
  return path
}

type Port = ServiceFacts['ports'][number]

function portIn(reading: Reading, { ports }: ServiceFacts): Port | undefined {
  const { port: wanted } = reading.annotations
  const names = ports.map(({ name, port }) => (name === '' ? `${port}` : `${name} (${port})`)).join(', ')
  if (wanted !== undefined) {
    const found = ports.find(({ name, port }) => name === wanted || `${port}` === wanted)
    return found ?? refuse(reading, 'port', `expected one of the ports of the Service: ${names}`)
  }
  const usual = USUAL_PORTS.flatMap((name) => ports.filter((port) => port.name === name))
  const found = ports.length === 1 ? ports[0] : usual[0]
  return found ?? refuse(reading, 'port', `needed, because the Service has several ports or none: ${names}`)
}

/**
 * Where the server is: the addresses of its ready endpoints. While there are none it is that of the Service, which
 * answers nothing then: addresses of pods that are gone may soon be those of others.
 */
function hostsOf(service: ServiceFacts, slices: readonly SliceFacts[], port: Port): string[] {
  const families = [service.family, 'IPv4', 'IPv6']
  const family = families.find((name) => slices.some((slice) => slice.family === name))
  const hosts = slices
    .filter((slice) => slice.family === family)
    .flatMap(({ addresses, ports }) => {
      const target = ports.find(({ name }) => name === port.name)
      return target === undefined ? [] : addresses.map((address) => hostAt(address, target.port))
    })
  if (hosts.length > 0) return [...new Set(hosts)].toSorted()
  return [hostAt(service.clusterIp ?? `${service.name}.${service.namespace}.svc`, port.port)]
}

function hostAt(address: string, port: number): string {
  return `${isIPv6(address) ? `[${address}]` : address}:${port}`
}
