import { describe, expect, test } from '@jest/globals'
import { type Lockfile, lockfileProblems, type Manifest } from '../../scripts/lockfile-problems.ts'
import { textOf } from './files.ts'

const DIGEST = `sha512-${'A'.repeat(86)}==`

function locked(packages: NonNullable<Lockfile['packages']>): Lockfile {
  return { lockfileVersion: 3, packages: { '': {}, ...packages } }
}

test('the packages of the project come from the registry, each with a digest, and nothing is undecided', () => {
  const lockfile = JSON.parse(textOf('package-lock.json')) as Lockfile
  expect(lockfileProblems(lockfile, JSON.parse(textOf('package.json')) as Manifest)).toEqual([])
})

test('CI and the image install exactly what the lockfile says', () => {
  expect(textOf('.ci/run')).toContain('npm ci --no-audit')
  expect(textOf('Dockerfile')).toContain('npm ci --ignore-scripts')
})

describe('a lockfile has a problem where', () => {
  test.each([
    ['a package has no digest', { version: '1.0.0' }, 'node_modules/x: it has no SHA-512 digest'],
    [
      'its digest is weak',
      { version: '1.0.0', integrity: 'sha1-abc' },
      'node_modules/x: it has no SHA-512 digest',
    ],
    [
      'it comes from another host',
      { version: '1.0.0', integrity: DIGEST, resolved: 'https://registry.npmjs.org.evil.example/x.tgz' },
      'node_modules/x: it comes from https://registry.npmjs.org.evil.example/x.tgz',
    ],
    [
      'it comes from a repository',
      { version: '1.0.0', integrity: DIGEST, resolved: 'git+ssh://git@github.com/a/x.git' },
      'node_modules/x: it comes from git+ssh://git@github.com/a/x.git',
    ],
    [
      'it is a link',
      { version: '1.0.0', integrity: DIGEST, link: true },
      'node_modules/x: it is a link or a folder',
    ],
    [
      'it is another package than its name says',
      { version: '1.0.0', integrity: DIGEST, name: 'evil' },
      'node_modules/x: it is evil, which nobody declares',
    ],
    [
      'it runs a script at its installation',
      { version: '1.0.0', integrity: DIGEST, hasInstallScript: true },
      'node_modules/x: it has an install script; decide in allowScripts of package.json',
    ],
  ])('%s', (_what, entry, problem) => {
    expect(lockfileProblems(locked({ 'node_modules/x': entry }), {})).toEqual([problem])
  })

  test('a version of the SDK has a flaw that databases of advisories may not know yet', () => {
    const sdk = (version: string): string[] =>
      lockfileProblems(
        locked({ 'node_modules/a/node_modules/@modelcontextprotocol/sdk': { version, integrity: DIGEST } }),
        {},
      )
    expect(sdk('1.31.0')).toEqual([
      'node_modules/a/node_modules/@modelcontextprotocol/sdk: 1.31.0 has known flaws (GHSA-6prh-2h8m-c8cw, GHSA-22jm-h49p-29qw); use 1.32.2 or later',
    ])
    expect(sdk('1.32.2')).toEqual([])
    expect(sdk('1.40.0')).toEqual([])
  })

  test.each([
    '*',
    'latest',
    'git+https://example.com/x.git',
    'https://example.com/x.tgz',
    'file:../x',
    'user/x',
  ])('package.json asks for %s', (range) => {
    const problems = lockfileProblems(locked({ 'node_modules/x': { version: '1.0.0', integrity: DIGEST } }), {
      dependencies: { x: range },
    })
    expect(problems).toEqual([`x: ${range} is not a range of versions of the registry`])
  })
})

test('an alias that a package declares, and a script that was decided about, are no problems', () => {
  const lockfile = locked({
    'node_modules/a': { version: '1.0.0', integrity: DIGEST, dependencies: { 'b-cjs': 'npm:b@^1.0.0' } },
    'node_modules/b-cjs': { name: 'b', version: '1.0.0', integrity: DIGEST },
    'node_modules/c': { version: '1.0.0', integrity: DIGEST, hasInstallScript: true },
  })
  expect(lockfileProblems(lockfile, { allowScripts: { c: false } })).toEqual([])
})
