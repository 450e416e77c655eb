import type { Principal } from '../../domain/principal.ts'
import type { Section } from '../markup/page.ts'

/** Who needs which role for a section; the others are for everybody, who then sees what is theirs. */
const ROLES: Readonly<Partial<Record<Section, string>>> = {
  servers: 'operator',
  access: 'operator',
  activity: 'auditor',
  caches: 'operator',
  tenant: 'operator',
}
const ALL: readonly Section[] = [
  'overview',
  'servers',
  'tools',
  'pipelines',
  'approvals',
  'access',
  'activity',
  'sessions',
  'connections',
  'caches',
  'tenant',
]

/** The sections that there are where the dashboard is off: people answer there what calls wait for. */
const ALWAYS: readonly Section[] = ['approvals']

/** The sections that a person sees, in the order of the navigation. @param isOn whether the dashboard is on */
export function sectionsOf({ roles }: Principal, isOn: boolean): readonly Section[] {
  return (isOn ? ALL : ALWAYS).filter(
    (section) => ROLES[section] === undefined || roles.includes(ROLES[section]),
  )
}
