import { z } from 'zod'
import { address } from './sections/address.ts'
import { approvals } from './sections/approvals.ts'
import { data } from './sections/data.ts'
import { enhancement } from './sections/enhancement.ts'
import { identity } from './sections/identity.ts'
import { install } from './sections/install.ts'
import { kubernetes } from './sections/kubernetes.ts'
import { limits } from './sections/limits.ts'
import { observation } from './sections/observation.ts'
import { outbound } from './sections/outbound.ts'
import { programsSection } from './sections/programs.ts'
import { secrets } from './sections/secrets.ts'

/** The settings by topic, in the order of the documentation. */
export const SECTIONS: Readonly<Record<string, Readonly<Record<string, z.ZodType>>>> = {
  Address: address,
  Data: data,
  Identity: identity,
  Approvals: approvals,
  Secrets: secrets,
  'Kubernetes discovery': kubernetes,
  'Outgoing requests': outbound,
  'Programs that are started': programsSection,
  'Limits and deadlines': limits,
  'Installing packages': install,
  'Enhancement and caches': enhancement,
  'Records, log and metrics': observation,
}

/** The one schema of all settings: name of the environment variable to its value. */
export const settingsSchema = z.object({
  ...address,
  ...data,
  ...identity,
  ...approvals,
  ...secrets,
  ...kubernetes,
  ...outbound,
  ...programsSection,
  ...limits,
  ...install,
  ...enhancement,
  ...observation,
})

/** Name of an environment variable that is a setting. */
export type SettingName = keyof typeof settingsSchema.shape
/** The value of each environment variable, parsed and with defaults. */
export type SettingValues = z.output<typeof settingsSchema>
