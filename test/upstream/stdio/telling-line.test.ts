import { expect, test } from '@jest/globals'
import { tellingLine } from '../../../src/upstream/stdio/telling-line.ts'

const NPM_404 = `npm warn exec The following package was not found and will be installed
npm error code E404
npm error 404 Not Found - GET https://packages.example/no-such - Not found
npm error 404
npm error 404  The requested resource 'no-such@*' could not be found or you do not have permission to access it.
npm error 404
npm error 404 Note that you can also install from a
npm error 404 tarball, folder, http url, or git folder.
npm error A complete log of this run can be found in: /home/u/.npm/_logs/x-debug-0.log`

const NPM_OLD = `npm ERR! code ENOTFOUND
npm ERR! syscall getaddrinfo
npm ERR! errno ENOTFOUND
npm ERR! network request to https://packages.example/x failed, reason: getaddrinfo ENOTFOUND packages.example

npm ERR! A complete log of this run can be found in: /x`

const NODE = `node:internal/modules/cjs/loader:1228
  throw err;
  ^

Error: Cannot find module '/x/y.js'
    at Module._resolveFilename (node:internal/modules/cjs/loader:1225:15)
    at node:internal/main/run_main_module:36:49 {
  code: 'MODULE_NOT_FOUND',
  requireStack: []
}

Node.js v24.1.0`

const PYTHON = `Traceback (most recent call last):
  File "/x/server.py", line 3, in <module>
    import nothing
ModuleNotFoundError: No module named 'nothing'`

const GO = `panic: no token

goroutine 1 [running]:
main.main()
\t/x/main.go:4 +0x2c
exit status 2`

test.each([
  ['npm', NPM_404, 'npm error 404 Not Found - GET https://packages.example/no-such - Not found'],
  [
    'an older npm',
    NPM_OLD,
    'npm ERR! network request to https://packages.example/x failed, reason: getaddrinfo ENOTFOUND packages.example',
  ],
  ['Node', NODE, "Error: Cannot find module '/x/y.js'"],
  ['Python', PYTHON, "ModuleNotFoundError: No module named 'nothing'"],
  ['Go', GO, 'panic: no token'],
  ['a server that says goodbye', 'INFO up\nERROR no access\nINFO shutting down', 'ERROR no access'],
  [
    'docker',
    "docker: Error response from daemon: no.\n\nRun 'docker run --help'",
    'docker: Error response from daemon: no.',
  ],
  [
    'uv',
    '  × No solution found when resolving tool dependencies:',
    '  × No solution found when resolving tool dependencies:',
  ],
  [
    'a newer docker',
    "docker: Cannot connect to the daemon. Is it running?\n\nRun 'docker run --help' for more information",
    'docker: Cannot connect to the daemon. Is it running?',
  ],
  ['a plain program', 'starting\nAPI_TOKEN is missing\n', 'API_TOKEN is missing'],
  ['a program with frames alone', '    at a\n    at b', '    at b'],
])('of what %s writes, the reason is found', (_what, text, line) => {
  expect(tellingLine(text.split('\n'))).toBe(line)
})

test('nothing comes of nothing', () => {
  expect(tellingLine(['', '  '])).toBeUndefined()
})

test('lines of any length and number are looked at in a time that grows no faster than they do', () => {
  const took = (length: number): number => {
    const lines = ['npm error ', 'x', ' ', '×', 'Error', '}'].map((part) => part.repeat(length))
    const startedAt = performance.now()
    for (let round = 0; round < 20; round += 1) tellingLine(lines)
    return performance.now() - startedAt
  }
  took(1000)
  expect(took(1_000_000)).toBeLessThan(20_000)
})
