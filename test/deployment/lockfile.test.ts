import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'

interface LockedPackage {
  readonly integrity?: string
  readonly resolved?: string
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/
const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  packages: Readonly<Record<string, LockedPackage>>
}
const locked = Object.entries(packages).filter(([path]) => path !== '')

test('the lockfile says of each package of one platform which one it is, so that no other installs it', () => {
  const ofOnePlatform = locked.flatMap(([path, { optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies)
      .filter(([, version]) => EXACT.test(version))
      .map(
        ([name]) =>
          [name, packages[`${path}/node_modules/${name}`] ?? packages[`node_modules/${name}`]] as const,
      ),
  )

  expect(ofOnePlatform.length).toBeGreaterThan(50)
  expect(ofOnePlatform.filter(([, entry]) => (entry?.os ?? entry?.cpu) === undefined)).toEqual([])
})

test('the lockfile pins the content of every package, and names no registry', () => {
  expect(locked.filter(([, { integrity }]) => integrity === undefined)).toEqual([])
  expect(locked.filter(([, { resolved }]) => resolved !== undefined)).toEqual([])
})
