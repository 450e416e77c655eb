import { z } from 'zod'
import { guarded } from '../../domain/errors/guarded.ts'

/** Which Service an EndpointSlice belongs to. */
const SERVICE_NAME = 'kubernetes.io/service-name'

const metadata = z.object({
  name: z.string(),
  namespace: z.string(),
  creationTimestamp: z.coerce.date().optional(),
  annotations: z.record(z.string(), z.string()).nullish(),
  labels: z.record(z.string(), z.string()).nullish(),
})

const serviceSchema = z
  .object({
    metadata,
    spec: z.object({
      type: z.string().nullish(),
      clusterIP: z.string().nullish(),
      ipFamilies: z.array(z.string()).nullish(),
      ports: z
        .array(
          z.object({
            name: z.string().nullish(),
            port: z.int().min(1).max(65_535),
            protocol: z.string().nullish(),
          }),
        )
        .nullish(),
    }),
  })
  .transform(({ metadata: { name, namespace, creationTimestamp, annotations }, spec }) => ({
    name,
    namespace,
    createdAt: creationTimestamp?.getTime() ?? 0,
    annotations: annotations ?? {},
    type: spec.type ?? 'ClusterIP',
    /** Undefined for a headless Service. */
    clusterIp: spec.clusterIP === 'None' || spec.clusterIP === '' ? undefined : (spec.clusterIP ?? undefined),
    /** The family of its first address, as slices name it. */
    family: spec.ipFamilies?.[0],
    ports: (spec.ports ?? [])
      .filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP')
      .map(({ name: portName, port }) => ({ name: portName ?? '', port })),
  }))

const sliceSchema = z
  .object({
    metadata,
    addressType: z.string(),
    endpoints: z
      .array(
        z.object({
          addresses: z.array(z.string()),
          conditions: z.object({ ready: z.boolean().nullish() }).nullish(),
        }),
      )
      .nullish(),
    ports: z
      .array(z.object({ name: z.string().nullish(), port: z.int().min(1).max(65_535).nullish() }))
      .nullish(),
  })
  .transform(({ metadata: { name, namespace, labels }, addressType, endpoints, ports }) => ({
    name,
    namespace,
    serviceName: labels?.[SERVICE_NAME] ?? '',
    family: addressType,
    // Without a condition an endpoint counts as ready: so says the API.
    addresses: (endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses }) => addresses),
    ports: (ports ?? []).flatMap(({ name: portName, port }) =>
      typeof port === 'number' ? [{ name: portName ?? '', port }] : [],
    ),
  }))

/** What is needed of a Service. */
export type ServiceFacts = z.output<typeof serviceSchema>
/** What is needed of an EndpointSlice; the addresses are those of ready endpoints. */
export type SliceFacts = z.output<typeof sliceSchema>

/** Undefined for what is no Service. */
export function readService(object: unknown): ServiceFacts | undefined {
  return read(serviceSchema, object)
}

/** Undefined for what is no EndpointSlice. */
export function readSlice(object: unknown): SliceFacts | undefined {
  return read(sliceSchema, object)
}

function read<T extends z.ZodType>(schema: T, object: unknown): z.output<T> | undefined {
  return guarded(
    () => schema.safeParse(object).data,
    () => undefined,
  )
}
