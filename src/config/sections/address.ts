import { optional, setting } from '../setting.ts'
import * as values from '../values.ts'

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
