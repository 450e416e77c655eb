import { z } from 'zod'
import { type Destination, parseDestination } from '../../domain/outbound/destination.ts'
import { setting } from '../setting.ts'
import { items, oneOf } from '../values.ts'

const MAX_ENTRIES = 500

const destination = z.string().transform((text, context): Destination => {
  const read = parseDestination(text)
  if (read !== undefined) return read
  context.addIssue({ code: 'custom', message: 'not an address, network or host name' })
  return z.NEVER
})

const destinations = {
  schema: items.pipe(z.array(destination).max(MAX_ENTRIES)),
  expected:
    'addresses, networks (`10.0.0.0/8`), host names and ends of host names (`*.svc.cluster.local`), each with or without `:port`, separated by commas (IPv6 with a port in brackets)',
}

const ports = {
  schema: items.pipe(
    z
      .array(
        z
          .string()
          .regex(/^[0-9]{1,5}$/)
          .transform(Number)
          .pipe(z.int().min(1).max(65_535)),
      )
      .min(1)
      .max(100),
  ),
  expected: 'ports separated by commas',
}

/** Environment variables of requests that the gateway sends to addresses that others name. */
export const outbound = {
  OUTBOUND_ADDRESSES: setting(
    oneOf(['auto', 'public', 'private', 'any']),
    'auto',
    'Where servers, and what they and tenants name, may be: `public`: on the Internet, over https; `private`: also in private networks, over http too; `any`: also on this machine; `auto`: `public` when STORE is `firestore`, else `any`. Never at metadata services and link-local addresses. See docs/registry.md.',
  ),
  OUTBOUND_ALLOW: setting(
    destinations,
    '',
    'What may be reached besides, over http too: the networks and hosts of servers that are not on the Internet.',
  ),
  OUTBOUND_PORTS: setting(
    ports,
    '443,8443',
    'Ports of servers on the Internet, when OUTBOUND_ADDRESSES is `public`.',
  ),
}
