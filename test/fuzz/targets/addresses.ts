import { isIP } from 'node:net'
import { isPublicAddress } from '../../../src/domain/public-address.ts'
import {
  addressProblem,
  INTERNET_ONLY,
  targetOf,
  targetProblem,
} from '../../../src/domain/outbound/outbound-policy.ts'
import { broken, type Target } from '../target.ts'

/** The policy of where requests may go. */
export const addresses: Target = {
  name: 'addresses',
  guarantee: 'no way of writing an address that is not public leads to it',
  code: [
    'domain/outbound/outbound-policy.ts',
    'domain/outbound/address-forms.ts',
    'domain/outbound/reserved.ts',
    'domain/outbound/destination.ts',
    'domain/public-address.ts',
  ],
  seeds: [
    'https://mcp.example.com/mcp',
    'https://127.0.0.1/',
    'https://[::ffff:169.254.169.254]/',
    'https://0x7f.1/',
    'https://[64:ff9b::a00:1]/',
    'https://metadata.google.internal./',
  ],
  words: [
    '127.0.0.1',
    '169.254.169.254',
    '10.0.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '::1',
    '::ffff:',
    '64:ff9b::',
    '2002:7f00:1::',
    'fd00::1',
    'fe80::1',
    '0x',
    '0177',
    '[',
    ']',
    '.',
    ':',
    '@',
    '%',
    '\u00e2\u0091\u00a0',
    'localhost',
    '.internal',
    '.',
    'https://',
    'http://',
  ],
  check(input) {
    const text = input.toString()
    if (!URL.canParse(text)) return
    const url = new URL(text)
    const target = targetOf(url)
    const host = url.hostname.replace(/^\[|\]$/g, '')
    if (isIP(host) === 0) {
      if (
        /(?:^|\.)localhost\.?$/.test(host) &&
        targetProblem(target, INTERNET_ONLY) === undefined &&
        addressProblem('127.0.0.1', target, INTERNET_ONLY) === undefined
      )
        broken('a name of this machine leads to it')
      return
    }
    const isRefused =
      targetProblem(target, INTERNET_ONLY) !== undefined ||
      addressProblem(host, target, INTERNET_ONLY) !== undefined
    if (isReserved(host) && !isRefused) broken(`the address ${JSON.stringify(host)} is reached`)
    if (isReserved(host) && isPublicAddress(host))
      broken(`the address ${JSON.stringify(host)} is said to be public`)
  },
}

/** The ranges that matter most, told by their text alone, as URL writes it. */
function isReserved(host: string): boolean {
  if (
    /^(?:127|10|0)\.|^169\.254\.|^192\.168\.|^172\.(?:1[6-9]|2\d|3[01])\.|^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|^(?:22[4-9]|23\d|24\d|25[0-5])\./.test(
      host,
    )
  )
    return true
  return /^(?:::1|::|f[cd][0-9a-f]{2}:.*|fe[89ab][0-9a-f]:.*|ff[0-9a-f]{2}:.*|::ffff:(?:7f[0-9a-f]{2}|a9fe|a[0-9a-f]{2}|c0a8):[0-9a-f]+)$/.test(
    host,
  )
}
