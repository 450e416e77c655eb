import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { Catalog } from '../../src/catalog/catalog.ts'
import { Reconciler } from '../../src/reconcile/reconciler.ts'
import { isJsonObject, type JsonObject } from '../../src/domain/json/json.ts'
import type { Snapshot } from '../../src/domain/snapshot.ts'
import { withResolvedPipelines } from '../../src/pipelines/references.ts'
import { readRegistryText } from '../../src/registry/file/registry-text.ts'
import { documentsOfDesktopConfig } from '../../src/registry/clients/desktop-config.ts'
import { checkedPipeline } from '../../src/registry/documents/parse-pipelines.ts'
import { parseSections } from '../../src/registry/documents/parse-sections.ts'
import { problemsOfDocument } from '../../src/registry/documents/validate.ts'
import { type RegistryApi, startRegistryApi } from '../support/registry-api.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { soak } from '../support/soak.ts'
import { anyDocument, anyJson, VALID } from './any-documents.ts'
import { emptyDirectory } from './tenant-directory.ts'

type Sections = Readonly<Record<string, JsonObject>>

/** One document of every kind that has to be there whatever stands beside it. */
const GOOD: Sections = {
  servers: {
    good: { ...VALID.url, tenantId: 'acme' },
    made: { ...VALID.use, tenantId: 'acme' },
  },
  mcpServers: { desk: { ...VALID.desktopUrl, tenantId: 'acme' } },
  tenants: { acme: { quotas: { servers: 3 } } },
  templates: { site: VALID.template },
  pipelines: { chain: { ...VALID.pipeline, tenantId: 'acme' } },
  enhancement_rules: { brief: { ...VALID.rule, tenantId: 'acme' } },
}

const KINDS: [kind: string, section: string, valid: JsonObject][] = [
  ['an HTTP server', 'servers', VALID.http],
  ['a server with one url', 'servers', VALID.url],
  ['a process', 'servers', VALID.stdio],
  ['a process of a package', 'servers', VALID.package],
  ['a server that uses a template', 'servers', VALID.use],
  ['a template', 'templates', VALID.template],
  ['a pipeline', 'pipelines', VALID.pipeline],
  ['an enhancement rule', 'enhancement_rules', VALID.rule],
  ['a tenant', 'tenants', VALID.tenant],
  ["an entry of a desktop client's file", 'mcpServers', VALID.desktop],
  ["an entry with a url of a desktop client's file", 'mcpServers', VALID.desktopUrl],
]

/** The snapshot of a registry file, in force. */
function fromFile(sections: Sections): Snapshot {
  const read = readRegistryText(JSON.stringify(sections))
  if ('problem' in read) throw new Error(read.problem)
  const documentsOf = (name: keyof typeof read.sections): { id: string; value: unknown }[] => {
    const section = read.sections[name]
    return 'documents' in section ? [...section.documents] : []
  }
  return inForce(
    {
      servers: read.documents,
      templates: documentsOf('templates'),
      pipelines: documentsOf('pipelines'),
      enhancement_rules: documentsOf('enhancement_rules'),
    },
    documentsOf('tenants'),
    'local',
  )
}

/** The snapshot of the collections of a Firestore database, in force. */
function fromFirestore(sections: Sections): Snapshot {
  const documentsOf = (name: string): { id: string; value: unknown }[] =>
    Object.entries(sections[name] ?? {}).map(([id, value]) => ({ id, value }))
  return inForce(
    {
      servers: [...documentsOf('servers'), ...documentsOfDesktopConfig(sections['mcpServers'] ?? {})],
      templates: documentsOf('templates'),
      pipelines: documentsOf('pipelines'),
      enhancement_rules: documentsOf('enhancement_rules'),
    },
    documentsOf('tenants'),
    undefined,
  )
}

function inForce(
  documents: Parameters<typeof parseSections>[0]['documents'],
  tenants: readonly { id: string; value: unknown }[],
  defaultTenant: string | undefined,
): Snapshot {
  const directory = emptyDirectory()
  directory.apply(tenants)
  const { snapshot } = parseSections({
    documents,
    tenants: directory.snapshot,
    defaultTenant,
    previous: new Map(),
    generation: 1,
  })
  const nothing = (): void => undefined
  const reconciler = new Reconciler({
    upstreams: { start: nothing, replace: nothing, update: nothing, stop: nothing },
    catalog: new Catalog(),
    logger: silentLogger,
  })
  reconciler.apply(withResolvedPipelines(snapshot))
  expect(reconciler.failures).toEqual([])
  // The guard around each document is the second line of defence: no check throws in the first place.
  const reasons = [...directory.snapshot.quarantined, ...snapshot.quarantined].map(({ reason }) => reason)
  expect(reasons.filter((reason) => reason.includes('defect of the gateway'))).toEqual([])
  return reconciler.snapshot
}

function goodOf({ servers, templates, pipelines, enhancementRules }: Snapshot): unknown[] {
  return [
    servers.get('acme/good'),
    servers.get('acme/made'),
    servers.get('acme/desk'),
    templates.get('site'),
    pipelines.get('chain'),
    enhancementRules.get('brief'),
  ]
}

const withBad = (section: string, bad: unknown): Sections => ({
  ...GOOD,
  [section]: { ...GOOD[section], bad },
})

test.each([
  ['a file', fromFile],
  ['Firestore', fromFirestore],
])('the documents that stand beside the others in these tests are all valid, in %s', (_from, read) => {
  expect(read(GOOD).quarantined).toEqual([])
  expect(goodOf(read(GOOD))).not.toContain(undefined)
})

describe.each(KINDS)('whatever is written as %s', (_kind, section, valid) => {
  test('in a file, every other document is what it is without it', () => {
    const expected = goodOf(fromFile(GOOD))
    fc.assert(
      fc.property(anyDocument(valid), (bad) => {
        expect(goodOf(fromFile(withBad(section, bad)))).toEqual(expected)
      }),
      { numRuns: soak(60, 20) },
    )
  })

  test('in Firestore, every other document is what it is without it', () => {
    const expected = goodOf(fromFirestore(GOOD))
    fc.assert(
      fc.property(anyDocument(valid), (bad) => {
        expect(goodOf(fromFirestore(withBad(section, bad)))).toEqual(expected)
      }),
      { numRuns: soak(60, 20) },
    )
  })
})

test('whatever config a server gives its template, it has problems or it serves', () => {
  fc.assert(
    fc.property(anyJson, anyDocument(VALID.template), (config, template) => {
      const snapshot = fromFile({
        ...GOOD,
        templates: { ...GOOD['templates'], bad: template },
        servers: {
          ...GOOD['servers'],
          a: { ...VALID.use, config },
          b: { ...VALID.use, templateName: 'bad', config },
        },
      })
      const refused = snapshot.quarantined.map(({ id }) => id)
      for (const name of ['a', 'b'])
        expect(snapshot.servers.has(`local/${name}`)).toBe(!refused.includes(name))
    }),
    { numRuns: soak(60, 20) },
  )
})

test('what is wrong with a document that somebody writes is a list of sentences, and never a failure', () => {
  const kinds = KINDS.map(([, , valid]) => anyDocument(valid))
  fc.assert(
    fc.property(fc.oneof(...kinds), anyJson, (document, template) => {
      const given = isJsonObject(document) ? document : { document }
      const problems = [
        ...problemsOfDocument(given, isJsonObject(template) ? [template] : []),
        ...checkedPipeline(given).problems,
      ]
      for (const problem of problems) expect(problem).toEqual(expect.any(String))
    }),
    { numRuns: soak(100, 50) },
  )
})

describe('over REST', () => {
  let api: RegistryApi
  beforeAll(async () => {
    api = await startRegistryApi({ servers: {} })
  })
  afterAll(() => api.close())

  test('whatever is written is stored, or refused as the mistake of whoever wrote it', async () => {
    const body = fc.oneof(anyDocument(VALID.url), anyDocument(VALID.http), anyDocument(VALID.use))
    await fc.assert(
      fc.asyncProperty(body.filter(isJsonObject), async (document) => {
        const { status } = await api.ask('POST', '', {
          body: { name: 'x', ...document },
          roles: 'operator,root',
        })
        expect([201, 403, 409, 422]).toContain(status)
      }),
      { numRuns: soak(60, 20) },
    )
  })

  test.each(['example.com/mcp', '', 'http://', 'http://[::1', 'http://exa mple/', 'https://host:99999/'])(
    'a url %j is refused with its place',
    async (url) => {
      const { status, body } = await api.ask('POST', '', { body: { name: 'mine', transport: 'http', url } })
      expect({ status, code: body['code'], problems: body['problems'] }).toEqual({
        status: 422,
        code: 'invalid_document',
        problems: ['url: Invalid URL, expected http:// or https:// and a host'],
      })
    },
  )
})
