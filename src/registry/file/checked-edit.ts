import { canonicalJson } from '../../domain/json/json.ts'
import type { Section } from '../collections.ts'
import { contentOf } from './file-entries.ts'
import { readRegistryText, type RegistryContent } from './registry-text.ts'
import { editEntries, type EntryEdit, rewriteEntries } from './text-edit.ts'

/** Edits of one section of a registry file. */
export interface EditTask {
  readonly text: string
  readonly edits: readonly EntryEdit[]
  readonly section: Section
  /** What the section is to say, as `FileEntries.content`. */
  readonly expected: string
}

/** The text after the edits; undefined where none says exactly what it should, and the same as before elsewhere. */
export function checkedEdit({ text, edits, section, expected }: EditTask): string | undefined {
  const before = readRegistryText(text)
  if ('problem' in before) return undefined
  const others = otherContent(before, section)
  for (const edit of [editEntries, rewriteEntries]) {
    const edited = edit(text, edits)
    const after = edited === undefined ? undefined : readRegistryText(edited)
    if (after === undefined || 'problem' in after) continue
    if (sectionContent(after, section) === expected && otherContent(after, section) === others) return edited
  }
  return undefined
}

function sectionContent({ documents, sections }: RegistryContent, section: Section): string | undefined {
  const content = section === 'servers' ? { documents } : sections[section]
  return 'documents' in content ? contentOf(content.documents, section) : undefined
}

/** What all other sections say, broken as they are, where they are. */
function otherContent({ documents: servers, sections }: RegistryContent, section: Section): string {
  return canonicalJson(Object.entries({ servers, ...sections }).filter(([name]) => name !== section))
}
