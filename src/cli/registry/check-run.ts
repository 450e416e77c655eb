import { readFile } from 'node:fs/promises'
import { messageOf } from '../../domain/errors/errors.ts'
import { otherTemplates } from '../../pipelines/other-templates.ts'
import { parseSections } from '../../registry/documents/parse-sections.ts'
import type { RegistryDocument } from '../../registry/documents/registry-document.ts'
import {
  MAX_REGISTRY_BYTES,
  type OptionalSection,
  readRegistryText,
  type RegistryContent,
} from '../../registry/file/registry-text.ts'
import { CliError } from '../cli-error.ts'
import type { CliContext } from '../context.ts'
import { environmentRules } from './environment-rules.ts'
import { registryFileOf } from './registry-stores.ts'
import { countText, tenantsOf } from './sync-sections.ts'

/** What is known of a registry file. */
export interface CheckedRegistry {
  readonly file: string
  /** What a gateway would not use, each with its place and what is wrong. */
  readonly problems: readonly string[]
  readonly notes: readonly string[]
  readonly counts: string
}

/** Reads a registry file as a gateway does. @throws CliError `data` when it cannot be read */
export async function checkRegistry(
  given: string | undefined,
  context: CliContext,
): Promise<CheckedRegistry> {
  const file = given ?? registryFileOf(context)
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new CliError('data', `${file} cannot be read: ${messageOf(error)}`)
  })
  const isTooLarge = Buffer.byteLength(text) > MAX_REGISTRY_BYTES
  const read = isTooLarge ? { problem: `larger than ${MAX_REGISTRY_BYTES} bytes` } : readRegistryText(text)
  if ('problem' in read) return { file, problems: [read.problem], notes: [], counts: '' }
  const { documents, broken } = sectionsOf(read)
  const { tenants, ...others } = documents
  const directory = tenantsOf(tenants)
  const { snapshot } = parseSections({
    checks: { rules: environmentRules(context.env) },
    documents: others,
    tenants: directory,
    defaultTenant: context.env['DEFAULT_TENANT'] || 'local',
    previous: new Map(),
    generation: 1,
  })
  const refused = [...snapshot.quarantined, ...directory.quarantined].map(
    ({ id, reason }) => `${id}: ${reason}`,
  )
  const meantOtherwise = [...snapshot.pipelines].flatMap(([id, pipeline]) =>
    otherTemplates(pipeline).map((warning) => `pipelines/${id}: ${warning}`),
  )
  return {
    file,
    problems: [...broken, ...refused],
    notes: [...read.notes, ...meantOtherwise],
    counts: countText(documents),
  }
}

function sectionsOf({ documents: servers, sections }: RegistryContent): {
  documents: Record<'servers' | OptionalSection, readonly RegistryDocument[]>
  broken: string[]
} {
  const broken: string[] = []
  const documentsOf = (section: OptionalSection): readonly RegistryDocument[] => {
    const content = sections[section]
    if ('documents' in content) return content.documents
    broken.push(`${section}: ${content.problem}`)
    return []
  }
  const documents = {
    servers,
    tenants: documentsOf('tenants'),
    templates: documentsOf('templates'),
    pipelines: documentsOf('pipelines'),
    enhancement_rules: documentsOf('enhancement_rules'),
  }
  return { documents, broken }
}
