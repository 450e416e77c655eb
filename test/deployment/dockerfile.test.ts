import { expect, test } from '@jest/globals'
import { textOf } from './files.ts'

interface Instruction {
  readonly name: string
  readonly value: string
}

/** The stages of a Dockerfile, with what stands before the first FROM as the first of them. */
function stages(text: string): Instruction[][] {
  const found: Instruction[][] = [[]]
  const lines = text
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n/g, ' ')
    .split('\n')
  for (const line of lines) {
    const [, name, value] = /^([A-Z]+)\s+(.*)$/.exec(line.trim()) ?? []
    if (name === undefined || value === undefined) continue
    if (name === 'FROM') found.push([])
    found.at(-1)?.push({ name, value: value.trim() })
  }
  return found
}

const [bases = [], build = [], final = [], ...more] = stages(textOf('Dockerfile'))

function valuesOf(stage: readonly Instruction[], name: string): string[] {
  return stage.filter((instruction) => instruction.name === name).map(({ value }) => value)
}

test('there is one stage that builds and one that runs, each on a base that can be given', () => {
  expect(more).toEqual([])
  expect(bases.map(({ name, value }) => [name, value.split('=')[0]])).toEqual([
    ['ARG', 'BUILD'],
    ['ARG', 'RUNTIME'],
  ])
  expect(valuesOf(build, 'FROM')).toEqual(['${BUILD} AS build'])
  expect(valuesOf(final, 'FROM')).toEqual(['${RUNTIME}'])
})

test('what runs is made without a shell and takes everything from the build', () => {
  expect(valuesOf(final, 'RUN')).toEqual([])
  expect(valuesOf(final, 'ADD')).toEqual([])
  const copies = valuesOf(final, 'COPY')
  expect(copies.filter((copy) => !copy.startsWith('--from=build '))).toEqual([])
  expect(copies).toContain('--from=build /app/package.json ./')
})

test('the user is a number and not root', () => {
  expect(valuesOf(final, 'USER')).toEqual(['10001:10001'])
})

test('only the data folder belongs to the user', () => {
  expect(valuesOf(final, 'COPY').filter((copy) => copy.includes('--chown'))).toEqual([
    '--from=build --chown=10001:10001 /data /data',
  ])
})

test('node is started directly, so that it gets the signals', () => {
  expect(valuesOf(final, 'ENTRYPOINT')).toEqual([])
  expect(valuesOf(final, 'CMD').map((value): unknown => JSON.parse(value))).toEqual([
    ['node', '--enable-source-maps', 'dist/main.js'],
  ])
})

test('the health check needs no shell', () => {
  const [check = ''] = valuesOf(final, 'HEALTHCHECK')
  const command: unknown = JSON.parse(check.slice(check.indexOf('[')))
  expect(command).toEqual(['node', '-e', expect.stringContaining('/healthz')])
})

test('nothing is sent to the build but what it copies', () => {
  expect(textOf('.dockerignore').trim().split('\n')).toEqual([
    '*',
    '!package.json',
    '!package-lock.json',
    '!tsconfig.json',
    '!tsconfig.build.json',
    '!src',
    '!docs/**/*.md',
    '!scripts/write-sbom.ts',
  ])
  expect(valuesOf(build, 'COPY')).toEqual([
    'package.json package-lock.json ./',
    'tsconfig.json tsconfig.build.json ./',
    'src ./src',
    'docs ./docs',
    'scripts/write-sbom.ts ./scripts/',
  ])
})
