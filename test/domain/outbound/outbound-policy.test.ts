import { describe, expect, test } from '@jest/globals'
import { type Destination, parseDestination } from '../../../src/domain/outbound/destination.ts'
import {
  addressProblem,
  ANYWHERE,
  INTERNET_ONLY,
  type OutboundPolicy,
  targetOf,
  targetProblem,
} from '../../../src/domain/outbound/outbound-policy.ts'

function policy(addresses: OutboundPolicy['addresses'], ...allow: string[]): OutboundPolicy {
  const destinations = allow.map((text) => parseDestination(text))
  if (destinations.includes(undefined)) throw new Error('a test names no destination')
  return { addresses, allow: destinations as Destination[], ports: [443, 8443] }
}

const atWrite = (url: string, rules: OutboundPolicy): string | undefined =>
  targetProblem(targetOf(new URL(url)), rules)
const atConnect = (url: string, address: string, rules: OutboundPolicy): string | undefined =>
  addressProblem(address, targetOf(new URL(url)), rules)

describe('before a name is looked up', () => {
  test.each([
    'https://169.254.169.254/',
    'https://2852039166/',
    'https://0xa9fea9fe/',
    'https://0251.0376.0251.0376/',
    'https://169.254.43518/',
    'https://①⑥⑨.②⑤④.①⑥⑨.②⑤④/',
    'https://169.254.169.254./',
    'https://[::ffff:169.254.169.254]/',
    'https://[::ffff:a9fe:a9fe]/',
    'https://[::a9fe:a9fe]/',
    'https://[64:ff9b::a9fe:a9fe]/',
    'https://[64:ff9b:1::a9fe:a9fe]/',
    'https://[2002:a9fe:a9fe::1]/',
    'https://[2001:0:1:2:3:4:5601:5601]/',
    'https://[fe80::1]/',
    'https://[fd00:ec2::254]/',
    'https://[fd20:ce::254]/',
    'https://100.100.100.200/',
    'https://168.63.129.16/',
    'https://224.0.0.1/',
    'https://255.255.255.255/',
    'https://[ff02::1]/',
    'https://metadata.google.internal/',
    'https://METADATA.google.internal./',
    'https://metadata/',
    'https://instance-data/',
  ])('%s is never connected to, whatever else is allowed', (url) => {
    expect(atWrite(url, ANYWHERE)).toMatch(/never connected to$/)
    expect(atWrite(url, policy('private'))).toMatch(/never connected to$/)
    expect(atWrite(url, policy('public', '0.0.0.0/0', '[::]/0'))).toMatch(/never connected to$/)
  })

  test('an address that is never connected to can be allowed by naming exactly that one', () => {
    expect(atWrite('http://169.254.20.10/', policy('public', '169.254.20.10'))).toBeUndefined()
    expect(atWrite('http://169.254.20.10/', policy('public', '169.254.20.10:8080'))).toBeDefined()
    expect(atWrite('http://169.254.20.10/', policy('public', '169.254.0.0/16'))).toBeDefined()
    expect(atWrite('http://metadata/mcp', policy('public', 'metadata'))).toBeUndefined()
  })

  test.each([
    [
      'https://127.0.0.1/',
      '127.0.0.1 is an address of this machine, which the setting OUTBOUND_ALLOW does not list',
    ],
    [
      'https://2130706433/',
      '127.0.0.1 is an address of this machine, which the setting OUTBOUND_ALLOW does not list',
    ],
    [
      'https://127.1/',
      '127.0.0.1 is an address of this machine, which the setting OUTBOUND_ALLOW does not list',
    ],
    ['https://0/', '0.0.0.0 is an address of this machine, which the setting OUTBOUND_ALLOW does not list'],
    ['https://[::]/', ':: is an address of this machine, which the setting OUTBOUND_ALLOW does not list'],
    ['https://[::1]/', '::1 is an address of this machine, which the setting OUTBOUND_ALLOW does not list'],
    [
      'https://[::ffff:7f00:1]/',
      '::ffff:7f00:1 is an address of this machine, which the setting OUTBOUND_ALLOW does not list',
    ],
    ['https://localhost/', 'localhost is this machine, which the setting OUTBOUND_ALLOW does not list'],
    ['https://x.localhost./', 'x.localhost is this machine, which the setting OUTBOUND_ALLOW does not list'],
    [
      'https://10.0.0.1/',
      '10.0.0.1 is an address of a private network, which the setting OUTBOUND_ALLOW does not list',
    ],
    [
      'https://100.64.0.1/',
      '100.64.0.1 is an address of a private network, which the setting OUTBOUND_ALLOW does not list',
    ],
    [
      'https://192.0.2.1/',
      '192.0.2.1 is an address of a private network, which the setting OUTBOUND_ALLOW does not list',
    ],
    [
      'https://[fd00::1]/',
      'fd00::1 is an address of a private network, which the setting OUTBOUND_ALLOW does not list',
    ],
    [
      'https://[2001:db8::1]/',
      '2001:db8::1 is an address of a private network, which the setting OUTBOUND_ALLOW does not list',
    ],
    [
      'https://orders.tools.svc/',
      'orders.tools.svc is a name of a private network, which the setting OUTBOUND_ALLOW does not list',
    ],
    [
      'http://orders:8080/',
      'orders is a name of a private network, which the setting OUTBOUND_ALLOW does not list',
    ],
    [
      'https://printer.local/',
      'printer.local is a name of a private network, which the setting OUTBOUND_ALLOW does not list',
    ],
    [
      'http://mcp.example.com/',
      'http is for hosts and networks that the setting OUTBOUND_ALLOW lists; use https',
    ],
    ['https://mcp.example.com:6379/', 'port 6379 is not one of the setting OUTBOUND_PORTS (443, 8443)'],
  ])('%s is refused where only the Internet is allowed, and the setting is named', (url, problem) => {
    expect(atWrite(url, policy('public'))).toBe(problem)
  })

  test.each([
    'https://mcp.example.com/',
    'https://mcp.example.com:8443/',
    'https://8.8.8.8/',
    'https://[2606:4700::1]/',
    'https://[64:ff9b::808:808]/',
  ])('%s is allowed', (url) => expect(atWrite(url, policy('public'))).toBeUndefined())

  test.each([
    ['http://10.1.2.3:8080/', '10.0.0.0/8'],
    ['http://10.1.2.3:8080/', '10.0.0.0/8:8080'],
    ['http://[::ffff:10.1.2.3]:8080/', '10.0.0.0/8'],
    ['http://[fd00::7]:9000/', 'fd00::/8'],
    ['http://[fd00::7]:9000/', '[fd00::7]:9000'],
    ['http://orders.tools.svc.cluster.local:8080/', '*.svc.cluster.local'],
    ['http://orders:8080/', 'orders:8080'],
    ['http://localhost:3000/', 'localhost'],
    ['http://localhost:3000/', '127.0.0.0/8'],
    ['http://mcp.example.com/', 'mcp.example.com'],
  ])('%s is allowed where the operator lists %s', (url, entry) => {
    expect(atWrite(url, policy('public', entry))).toBeUndefined()
  })

  test('what is listed at one port is refused at another, and the reason says so', () => {
    expect(atWrite('http://10.1.2.3:6379/', policy('public', '10.0.0.0/8:8080'))).toBe(
      '10.1.2.3 is an address of a private network, which the setting OUTBOUND_ALLOW does not list at port 6379',
    )
    expect(atWrite('http://evil-svc.cluster.local/', policy('public', '*.svc.cluster.local'))).toBeDefined()
    expect(atWrite('http://svc.cluster.local/', policy('public', '*.svc.cluster.local'))).toBeDefined()
  })

  test('private networks may be allowed as a whole, without this machine', () => {
    expect(atWrite('http://10.1.2.3:8080/', policy('private'))).toBeUndefined()
    expect(atWrite('http://orders:8080/', policy('private'))).toBeUndefined()
    expect(atWrite('http://localhost:8080/', policy('private'))).toContain('this machine')
    expect(atWrite('http://127.0.0.1:8080/', policy('private'))).toContain('this machine')
    expect(atWrite('http://[64:ff9b:1::7f00:1]/', policy('private'))).toContain('this machine')
  })

  test('in the embedded mode this machine and every network are allowed', () => {
    for (const url of [
      'http://localhost:1/',
      'http://127.0.0.1/',
      'http://0.0.0.0:3000/',
      'http://192.168.0.9/',
    ])
      expect(atWrite(url, ANYWHERE)).toBeUndefined()
  })

  test('no setting allows an untrusted party to name addresses outside the Internet', () => {
    expect(atWrite('https://10.0.0.1/', INTERNET_ONLY)).toBe(
      '10.0.0.1 is an address of a private network, and only addresses of the Internet are allowed here',
    )
    expect(atWrite('http://example.com/', INTERNET_ONLY)).toBe('http is not used for example.com; use https')
    expect(atWrite('https://example.com:9443/', INTERNET_ONLY)).toBeUndefined()
  })
})

describe('when a name has been looked up', () => {
  test('the address decides, and is not repeated', () => {
    expect(atConnect('https://a.example/', '10.0.0.1', policy('public'))).toBe(
      'a.example is at an address of a private network, which the setting OUTBOUND_ALLOW does not list',
    )
    expect(atConnect('https://a.example/', '::ffff:10.0.0.1', policy('public'))).toContain('private network')
    expect(atConnect('https://a.example/', '169.254.169.254', ANYWHERE)).toBe(
      'a.example is at a link-local address, where clouds hand out credentials, which is never connected to',
    )
    expect(atConnect('https://a.example/', '8.8.8.8', policy('public'))).toBeUndefined()
  })

  test('http leads into a listed network only', () => {
    const rules = policy('public', '10.0.0.0/8')
    expect(atWrite('http://a.example/', rules)).toBeUndefined()
    expect(atConnect('http://a.example/', '10.0.0.1', rules)).toBeUndefined()
    expect(atConnect('http://a.example/', '8.8.8.8', rules)).toContain('use https')
    expect(atConnect('http://a.example/', '192.168.0.1', rules)).toContain('private network')
  })

  test('a listed name may be at any address but those that are never connected to', () => {
    const rules = policy('public', '*.svc')
    expect(atConnect('http://orders.svc:8080/', '10.96.0.7', rules)).toBeUndefined()
    expect(atConnect('http://orders.svc:8080/', '169.254.169.254', rules)).toContain('never connected to')
  })
})

test.each([
  '10.0.0.0/33',
  '10.0.0/8',
  '10.0.0.1:0',
  '10.0.0.1:70000',
  'host:port',
  'a b',
  '*',
  '*.',
  'http://host',
  '[::1',
  '[::1]x',
  '[::1]:',
  'fd00::/129',
  '',
])('%p is not something that can be listed', (text) => {
  expect(parseDestination(text)).toBeUndefined()
})
