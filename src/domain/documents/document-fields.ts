import { z } from 'zod'
import { ALL_TENANTS, TENANT_ID } from '../principal.ts'

/** `^[a-z][a-z0-9-]{0,39}$`: no underscore, so `<server>_<tool>` splits one way only. */
export const SERVER_NAME = /^[a-z][a-z0-9-]{0,39}$/

/** What a name of a server, template, pipeline or rule may look like, in words. */
export const NAME_TEXT =
  'expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter'

/** What a tenant id may look like, in words. */
export const TENANT_ID_TEXT =
  'expected a tenant id of at most 63 lower-case letters, digits and "-", or "*" for all tenants'

/** The name of a document. */
export const documentName = z.string().regex(SERVER_NAME, NAME_TEXT)

/** Whose a document is. */
export const documentOwner = z.union([z.literal(ALL_TENANTS), z.string().regex(TENANT_ID, TENANT_ID_TEXT)])

/** Without this rule an edit that takes away the last role would open what it was meant to close. */
const EMPTY_LIST = 'an empty list is refused: leave the field out if no role is needed'
const roleNames = z.array(z.string().min(1).max(128)).min(1, EMPTY_LIST).max(256)

/** One of a list of roles, or all of them. */
export const requiredRoles = z.union([roleNames, z.strictObject({ allOf: roleNames })])

/** Agents that may use it; an empty list allows none. */
export const agentAllowlist = z.array(z.string().min(1).max(256)).max(1000)

/** Roles of which a caller needs one. */
export type RequiredRoles = z.output<typeof requiredRoles>
