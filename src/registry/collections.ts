import type { WatchedDocument } from '../firestore/document-store.ts'

/** The parts of a registry in Firestore, and the collection that each one is. */
export const COLLECTIONS = {
  servers: 'mcp_servers',
  tenants: 'tenants',
  templates: 'mcp_templates',
  pipelines: 'pipelines',
  enhancement_rules: 'enhancement_rules',
} as const

/** A section of the registry, by its name in the file. */
export type Section = keyof typeof COLLECTIONS

/** All documents of a registry in Firestore. */
export type WatchedRegistry = Readonly<Record<Section, readonly WatchedDocument[]>>

/** Something for each part. */
export function eachSection<T>(make: (section: Section) => T): Record<Section, T> {
  return {
    servers: make('servers'),
    tenants: make('tenants'),
    templates: make('templates'),
    pipelines: make('pipelines'),
    enhancement_rules: make('enhancement_rules'),
  }
}
