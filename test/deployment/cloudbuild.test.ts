import { expect, test } from '@jest/globals'
import { z } from 'zod'
import { textOf, yamlOf } from './files.ts'

const PATH = 'cloudbuild.yaml'
/** What Cloud Build sets itself, of which the file may use these. */
const BUILT_IN = ['BUILD_ID', 'PROJECT_ID']

const [build] = z
  .tuple([
    z.strictObject({
      substitutions: z.record(z.string().regex(/^_[A-Z_]+$/), z.string()),
      options: z.strictObject({ logging: z.string(), machineType: z.string() }),
      timeout: z.string().regex(/^\d+s$/),
      steps: z.array(
        z.strictObject({
          id: z.string(),
          name: z.string(),
          waitFor: z.array(z.string()).optional(),
          entrypoint: z.string().optional(),
          args: z.array(z.string()),
          env: z.array(z.string().regex(/^\w+=/)).optional(),
          volumes: z.array(z.strictObject({ name: z.string(), path: z.string() })).optional(),
        }),
      ),
    }),
  ])
  .parse(yamlOf(PATH))

test('a build installs, checks, builds, starts, pushes and deploys, and each step waits for the one before', () => {
  const waits = new Map(build.steps.map(({ id, waitFor }) => [id, waitFor]))
  expect(Object.fromEntries(waits)).toEqual({
    settings: undefined,
    install: ['settings'],
    emulator: ['settings'],
    check: ['install', 'emulator'],
    build: ['check'],
    start: ['build'],
    push: ['start'],
    deploy: ['push'],
  })
})

test('substitutions are those that are declared, and all of these are used', () => {
  // `$$` is a dollar sign for the shell.
  const used = [
    ...textOf(PATH)
      .replaceAll('$$', '')
      .matchAll(/\$\{?(\w+)/g),
  ].map(([, name = '']) => name)
  const own = [...new Set(used)].filter((name) => !BUILT_IN.includes(name))
  expect(own.toSorted()).toEqual(Object.keys(build.substitutions).toSorted())
})

test('the tests of the build fail without the Firestore emulator', () => {
  expect(build.steps.find(({ id }) => id === 'check')?.env).toContain('CI=true')
})
