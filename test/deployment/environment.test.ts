import { describe, expect, test } from '@jest/globals'
import { z } from 'zod'
import { loadSettings } from '../../src/config/load.ts'
import { settingsSchema } from '../../src/config/schema.ts'
import { missingKeys, startWarnings } from '../../src/config/start-notes.ts'
import { textOf, yamlOf } from './files.ts'

/** Variables of the platform and of libraries, which are no settings of the gateway. */
const OF_OTHERS = ['NODE_ENV', 'FIRESTORE_EMULATOR_HOST', 'METADATA_SERVER_DETECTION']
const IMAGE = { NODE_ENV: 'production', HOST: '0.0.0.0', PORT: '8080', DATA_DIR: '/data' }
const KEYS = {
  STATE_KEY: 'cd'.repeat(32),
  AUDIT_DIGEST_KEY: 'ab'.repeat(32),
  AUDIT_SIGNING_KEY: 'ef'.repeat(32),
}

const texts = z.record(z.string(), z.string())

function compose(): Record<string, string> {
  const file = z.object({ services: z.object({ gateway: z.object({ environment: texts }) }) })
  const [{ services }] = z.tuple([file]).parse(yamlOf('examples/compose.yaml'))
  const { environment } = services.gateway
  const given: Record<string, string> = { OIDC_ISSUER: 'https://id.example.com', ...KEYS }
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      value.startsWith(`\${${name}:?`) ? (given[name] ?? value) : value,
    ]),
  )
}

function kubernetes(): Record<string, string> {
  const map = yamlOf('infra/kubernetes/deployment.yaml').find(
    (document) => z.object({ kind: z.literal('ConfigMap') }).safeParse(document).success,
  )
  return { ...z.object({ data: texts }).parse(map).data, ...kubernetesSecrets() }
}

/** The variables of the deployment that come from its secret. */
function kubernetesSecrets(): Record<string, string> {
  const names = [
    ...textOf('infra/kubernetes/deployment.yaml').matchAll(
      /- name: ([A-Z_]+)\n +valueFrom:\n +secretKeyRef:/g,
    ),
  ].map(([, name]) => name)
  expect(names).toEqual(['STATE_KEY', 'AUDIT_DIGEST_KEY', 'AUDIT_SIGNING_KEY'])
  return KEYS
}

/** The variables of a service in Terraform; what is computed there gets the value in `computed`. */
function cloudRun(local: string, computed: Readonly<Record<string, string>>): Record<string, string> {
  const text = textOf('infra/cloud-run.tf')
  const start = text.indexOf(`  ${local} = `)
  const [block = ''] = text.slice(start).split(/\n {2}[)}]/, 1)
  const pairs = [...block.matchAll(/^ +([A-Z][A-Z_]+) += (.+)$/gm)].map(([, name = '', value = '']) => {
    const written = /^"([^"$]*)"$/.exec(value)?.[1]
    return [name, written ?? computed[name] ?? `no value for ${value}`] as const
  })
  return Object.fromEntries(pairs)
}

/** The variables of Cloud Run that come from Secret Manager. */
function cloudRunSecrets(): Record<string, string> {
  const names = [...textOf('infra/cloud-run.tf').matchAll(/^ +name += "([A-Z_]+)"/gm)].map(([, name]) => name)
  expect(names).toEqual(['STATE_KEY', 'AUDIT_DIGEST_KEY', 'AUDIT_SIGNING_KEY'])
  return KEYS
}

const google = {
  PUBLIC_URL: 'https://tools.example.com',
  GOOGLE_CLOUD_PROJECT: 'example-prod',
  FIRESTORE_DATABASE: 'tool-gateway',
  OIDC_ISSUER: 'https://id.example.com',
  OIDC_AUDIENCE: 'https://tools.example.com',
  SECRETS_PROJECT: 'example-prod',
  SECRETS_PREFIX: 'tg-',
  AUDIT_RETENTION_DAYS: '90',
  TRUSTED_PROXIES: '1',
}

describe.each([
  ['the compose file', compose],
  ['the Kubernetes manifests', kubernetes],
  ['Cloud Run', () => ({ ...cloudRun('gateway_env', google), ...cloudRunSecrets() })],
  ['Cloud Run for stdio servers', () => cloudRun('stdio_env', google)],
])('the environment of %s', (_of, environment) => {
  test('has only settings that there are', () => {
    const names = Object.keys(environment())
    expect(names.length).toBeGreaterThan(4)
    expect(names.filter((name) => !(name in settingsSchema.shape) && !OF_OTHERS.includes(name))).toEqual([])
  })

  test('is one that the gateway starts with', () => {
    expect(() => loadSettings({ ...IMAGE, ...environment() })).not.toThrow()
  })

  test('gives replicas that share a database the keys that they have to share', () => {
    const settings = loadSettings({ ...IMAGE, ...environment() })
    expect([missingKeys(settings), startWarnings(settings)]).toEqual([[], []])
  })
})

test('the image sets what these tests take for granted', () => {
  const [, block = ''] = /\nENV ((?:.*\\\n)*.*)\n/.exec(textOf('Dockerfile')) ?? []
  const pairs = block.split(/[\s\\]+/).map((pair): [string, string] => {
    const [name = '', value = ''] = pair.split('=')
    return [name, value]
  })
  expect(Object.fromEntries(pairs)).toEqual(IMAGE)
})
