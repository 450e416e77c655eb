import type { Row } from '../../row.ts'
import type { Document } from './document.ts'

const HTTP: Document = { transport: 'streamable-http', url: 'https://mcp.example/mcp', enabled: false }

/** Documents whose address, headers or form no server may have: what REST answers, and why the one in a file is not in use. */
export const ADDRESSES: Readonly<Record<string, readonly [Document, Row['answer']]>> = {
  nothing: [
    {},
    [
      '422 invalid_document: transport: expected stdio, streamable-http, sse or http {"problems":["transport: expected stdio, streamable-http, sse or http"]}',
      'transport: expected stdio, streamable-http, sse or http',
    ],
  ],
  'an unknown transport': [
    { ...HTTP, transport: 'gopher' },
    [
      '422 invalid_document: transport: expected stdio, streamable-http, sse or http {"problems":["transport: expected stdio, streamable-http, sse or http"]}',
      'transport: expected stdio, streamable-http, sse or http',
    ],
  ],
  'a transport of the gateway itself': [
    { transport: 'builtin' },
    [
      '422 invalid_document: transport: expected stdio, streamable-http, sse or http {"problems":["transport: expected stdio, streamable-http, sse or http"]}',
      'transport: expected stdio, streamable-http, sse or http',
    ],
  ],
  'no address': [
    { transport: 'http' },
    [
      '422 invalid_document: url: give either url or instances {"problems":["url: give either url or instances"]}',
      'url: give either url or instances',
    ],
  ],
  'an address and instances': [
    { ...HTTP, instances: [{ url: 'https://a.example' }] },
    [
      '422 invalid_document: url: give either url or instances {"problems":["url: give either url or instances"]}',
      'url: give either url or instances',
    ],
  ],
  'a command for HTTP': [
    { ...HTTP, command: 'sh' },
    [
      '422 invalid_document: unknown field "command" {"problems":["unknown field \\"command\\""]}',
      'unknown field "command"',
    ],
  ],
  'an unknown field': [
    { ...HTTP, evil: 1 },
    [
      '422 invalid_document: unknown field "evil" {"problems":["unknown field \\"evil\\""]}',
      'unknown field "evil"',
    ],
  ],
  'a field of all objects': [
    JSON.parse('{"transport":"http","url":"https://a.example","__proto__":{"a":1}}') as Document,
    [
      '422 invalid_document: a field may not be named "__proto__" {"problems":["a field may not be named \\"__proto__\\""]}',
      'a field may not be named "__proto__"',
    ],
  ],
  'a constructor': [
    { ...HTTP, constructor: { prototype: { a: 1 } } },
    [
      '422 invalid_document: unknown field "constructor" {"problems":["unknown field \\"constructor\\""]}',
      'unknown field "constructor"',
    ],
  ],
  'a text as enabled': [
    { ...HTTP, enabled: 'yes' },
    [
      '422 invalid_document: enabled: expected boolean, received string {"problems":["enabled: expected boolean, received string"]}',
      'enabled: expected boolean, received string',
    ],
  ],
  'a file as address': [
    { ...HTTP, url: 'file:///etc/passwd' },
    [
      '422 invalid_document: url: Invalid URL, expected http:// or https:// and a host {"problems":["url: Invalid URL, expected http:// or https:// and a host"]}',
      'url: Invalid URL, expected http:// or https:// and a host',
    ],
  ],
  'gopher as address': [
    { ...HTTP, url: 'gopher://127.0.0.1:6379/_x' },
    [
      '422 invalid_document: url: Invalid URL, expected http:// or https:// and a host {"problems":["url: Invalid URL, expected http:// or https:// and a host"]}',
      'url: Invalid URL, expected http:// or https:// and a host',
    ],
  ],
  'a script as address': [
    { ...HTTP, url: 'javascript:alert(1)' },
    [
      '422 invalid_document: url: Invalid URL, expected http:// or https:// and a host {"problems":["url: Invalid URL, expected http:// or https:// and a host"]}',
      'url: Invalid URL, expected http:// or https:// and a host',
    ],
  ],
  'data as address': [
    { ...HTTP, url: 'data:text/plain,x' },
    [
      '422 invalid_document: url: Invalid URL, expected http:// or https:// and a host {"problems":["url: Invalid URL, expected http:// or https:// and a host"]}',
      'url: Invalid URL, expected http:// or https:// and a host',
    ],
  ],
  'a user in the address': [
    { ...HTTP, url: 'https://user:S3CR3T-pw@mcp.example' },
    [
      '422 invalid_document: url: must have no user name, password or fragment {"problems":["url: must have no user name, password or fragment"]}',
      'url: must have no user name, password or fragment',
    ],
  ],
  'a fragment in the address': [
    { ...HTTP, url: 'https://mcp.example/#x' },
    [
      '422 invalid_document: url: must have no user name, password or fragment {"problems":["url: must have no user name, password or fragment"]}',
      'url: must have no user name, password or fragment',
    ],
  ],
  'a newline in the address': [
    { ...HTTP, url: 'https://mcp.example/\r\nx: y\u0000' },
    [
      '422 invalid_document: url: must have no spaces and no control characters {"problems":["url: must have no spaces and no control characters"]}',
      'url: must have no spaces and no control characters',
    ],
  ],
  'an address of 3,000 characters': [
    { ...HTTP, url: `https://mcp.example/${'a'.repeat(3000)}` },
    [
      '422 invalid_document: url: expected string to have <=2048 characters {"problems":["url: expected string to have <=2048 characters"]}',
      'url: expected string to have <=2048 characters',
    ],
  ],
  'no address at all': [
    { ...HTTP, url: 'mcp' },
    [
      '422 invalid_document: url: Invalid URL, expected http:// or https:// and a host {"problems":["url: Invalid URL, expected http:// or https:// and a host"]}',
      'url: Invalid URL, expected http:// or https:// and a host',
    ],
  ],
  'a number as address': [
    { ...HTTP, url: 5 },
    [
      '422 invalid_document: url: expected string, received number {"problems":["url: expected string, received number"]}',
      'url: expected string, received number',
    ],
  ],
  'no instances': [
    { transport: 'http', instances: [] },
    [
      '422 invalid_document: instances: expected array to have >=1 items {"problems":["instances: expected array to have >=1 items"]}',
      'instances: expected array to have >=1 items',
    ],
  ],
  '101 instances': [
    { transport: 'http', instances: Array.from({ length: 101 }, () => ({ url: 'https://a.example' })) },
    [
      '422 invalid_document: instances: expected array to have <=100 items {"problems":["instances: expected array to have <=100 items"]}',
      'instances: expected array to have <=100 items',
    ],
  ],
  'an instance of negative weight': [
    { transport: 'http', instances: [{ url: 'https://a.example', weight: -1 }] },
    [
      '422 invalid_document: instances[0].weight: expected number to be >=1 {"problems":["instances[0].weight: expected number to be >=1"]}',
      'instances[0].weight: expected number to be >=1',
    ],
  ],
  'a header with a newline': [
    { ...HTTP, headers: { 'x-a': 'a\r\nx-b: b' } },
    [
      '422 invalid_document: headers.x-a: not a legal header value {"problems":["headers.x-a: not a legal header value"]}',
      'headers.x-a: not a legal header value',
    ],
  ],
  'a header with a bad name': [
    { ...HTTP, headers: { 'x a': 'b' } },
    [
      '422 invalid_document: headers: a name is not a legal header name {"problems":["headers: a name is not a legal header name"]}',
      'headers: a name is not a legal header name',
    ],
  ],
  'a header of the protocol': [
    { ...HTTP, headers: { 'mcp-session-id': 'x' } },
    [
      '422 invalid_document: headers: a name is a header that only the gateway sets {"problems":["headers: a name is a header that only the gateway sets"]}',
      'headers: a name is a header that only the gateway sets',
    ],
  ],
  'the length of a body as header': [
    { ...HTTP, headers: { 'content-length': '5' } },
    [
      '422 invalid_document: headers: a name is a header that only the gateway sets {"problems":["headers: a name is a header that only the gateway sets"]}',
      'headers: a name is a header that only the gateway sets',
    ],
  ],
  'chunks as header': [
    { ...HTTP, headers: { 'transfer-encoding': 'chunked' } },
    [
      '422 invalid_document: headers: a name is a header that only the gateway sets {"problems":["headers: a name is a header that only the gateway sets"]}',
      'headers: a name is a header that only the gateway sets',
    ],
  ],
  'a number as header': [
    { ...HTTP, headers: { 'x-a': 5 } },
    [
      '422 invalid_document: headers.x-a: expected string, received number {"problems":["headers.x-a: expected string, received number"]}',
      'headers.x-a: expected string, received number',
    ],
  ],
}
