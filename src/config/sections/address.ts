import { z } from 'zod'
import { parseDestination } from '../../domain/outbound/destination.ts'
import { optional, setting } from '../setting.ts'
import * as values from '../values.ts'

const MAX_NETWORKS = 100

const network = z.string().transform((text, context) => {
  const read = parseDestination(text)
  if (read?.kind === 'network' && read.port === undefined) return read
  context.addIssue({ code: 'custom', message: 'not an address or network' })
  return z.NEVER
})

const proxies = {
  schema: z.union([
    values.integer(1, 10).schema,
    values.items.pipe(z.array(network).min(1).max(MAX_NETWORKS)),
  ]),
  expected: 'a number from 1 to 10, or addresses and networks (`10.0.0.0/8`) separated by commas',
}

/** Environment variables of the address that the gateway listens on. */
export const address = {
  PORT: setting(values.port, '8080', 'Port of the gateway; 0 takes any free one.'),
  HOST: setting(values.hostAddress, '127.0.0.1', 'Address to listen on.'),
  PROBE_PORT: optional(
    values.port,
    'none',
    'Another port for `/healthz` and `/readyz`, which are also at PORT: there they answer at once under any load.',
  ),
  PUBLIC_URL: optional(
    values.publicUrl,
    '`http://HOST:PORT`',
    'URL under which clients reach the gateway: its resource identifier. Needed when HOST is a wildcard address.',
  ),
  TRUSTED_PROXIES: optional(
    proxies,
    'none',
    'Proxies in front of the gateway: how many each request passes, or their addresses. What they say in `X-Forwarded-For` is then the address of a client, for limits, records and the log. Clients must not reach the gateway past them.',
  ),
  ALLOWED_HOSTS: optional(
    values.hostList,
    'loopback names and the host of PUBLIC_URL',
    'Hosts that a request may name in its `Host` header (protection against DNS rebinding).',
  ),
  ALLOWED_ORIGINS: optional(
    values.hostList,
    'loopback names and the host of PUBLIC_URL',
    'Hosts of the origins that a browser request may come from, with any scheme and port.',
  ),
}
