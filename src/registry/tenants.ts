import { type IssuerDefaults, type IssuerSettings, issuerSettings } from '../config/issuers.ts'
import { guarded } from '../domain/errors/guarded.ts'
import { canonicalJson, isJsonObject } from '../domain/json/json.ts'
import { ALL_TENANTS, TENANT_ID } from '../domain/principal.ts'
import { problemLine, problemsOf } from '../domain/documents/problems.ts'
import { runAll } from '../domain/run-all.ts'
import type { QuarantinedDocument } from '../domain/snapshot.ts'
import { ParseMemory } from './documents/parse-memory.ts'
import type { RegistryDocument } from './documents/registry-document.ts'
import {
  type Restrictions,
  restrictionsOf,
  tenantDocumentSchema,
  type TenantQuotas,
  validIssuers,
} from './documents/tenant-document.ts'

/** One tenant as it is in force. */
export interface Tenant extends Restrictions {
  readonly tenantId: string
  /** Each may name this tenant and no other. */
  readonly issuers: readonly IssuerSettings[]
  /** Whether the `x-agent-name` header is believed without the token's consent. */
  readonly trustAgentHeader: boolean
}

/** All tenants at one time; never changed once made. */
export interface Tenants {
  /** Without any document of a tenant every tenant id counts as known. */
  readonly inUse: boolean
  readonly byId: ReadonlyMap<string, Tenant>
  /**
   * Tenants without a document whose servers stay in force, because they served before there was any tenant document.
   */
  readonly tolerated: ReadonlySet<string>
  readonly quarantined: readonly QuarantinedDocument[]
}

/** Whether servers may belong to a tenant. */
export function isKnownTenant({ inUse, byId, tolerated }: Tenants, tenantId: string): boolean {
  return !inUse || tenantId === ALL_TENANTS || byId.has(tenantId) || tolerated.has(tenantId)
}

/** Whether a tenant is switched off. */
export function isDisabledTenant({ byId }: Tenants, tenantId: string): boolean {
  return byId.get(tenantId)?.isDisabled === true
}

/** What a document says by itself. */
interface CheckedTenant {
  readonly problems: readonly string[]
  readonly issuers: ReturnType<typeof validIssuers>
  /** Whether it could not be checked, so that nothing of it counts. */
  readonly isUnknown?: true
}

/** What a source knows in addition to the documents of tenants. */
export interface TenantFacts {
  /** The tenant that needs no document. */
  readonly defaultTenant?: string
  /** Whether the operator wants servers of tenants without a document to be refused. */
  readonly isConfirmed: boolean
  /** How that is confirmed, as half a sentence. */
  readonly howToConfirm: string
}

/** The tenant, or `*`, that a document names; undefined when it names none that could be one. */
export function ownerOf(value: unknown): string | undefined {
  const tenantId = isJsonObject(value) ? value['tenantId'] : undefined
  const isOwner = typeof tenantId === 'string' && (tenantId === ALL_TENANTS || TENANT_ID.test(tenantId))
  return isOwner ? tenantId : undefined
}

/**
 * The tenants, in one place for the verification of tokens and the checks of servers. A document with problems is
 * reported, and only its valid parts count: an invalid issuer is not trusted, an invalid `trustAgentHeader` is false,
 * invalid quotas, or none, leave the last ones in force. An issuer belongs to one tenant: the one that had it before, else
 * the first by id. The very first tenant document refuses no tenant that serves: until the operator confirms it, or the
 * tenant gets a document, the tenant stays in force, and is reported.
 */
export class TenantDirectory {
  readonly #defaults: IssuerDefaults
  readonly #reserved: ReadonlySet<string>
  readonly #listeners = new Set<(tenants: Tenants) => void>()
  readonly #serving: () => Iterable<string>
  #servedBefore: ReadonlySet<string> = new Set()
  #tenants: Tenants = { inUse: false, byId: new Map(), tolerated: new Set(), quarantined: [] }
  #isApplied = false
  readonly #memory = new ParseMemory<CheckedTenant>()

  /**
   * @param options.defaults for issuers that do not say otherwise
   * @param options.reservedIssuers issuers that the settings name: no document may claim them
   * @param options.serving tenants that have something in force
   */
  constructor(options: {
    defaults: IssuerDefaults
    reservedIssuers: readonly string[]
    serving?: () => Iterable<string>
  }) {
    this.#serving = options.serving ?? (() => [])
    this.#defaults = options.defaults
    this.#reserved = new Set(options.reservedIssuers)
  }

  get snapshot(): Tenants {
    return this.#tenants
  }

  /** The quotas of a tenant; undefined for one without a document. */
  quotasOf(tenantId: string): TenantQuotas | undefined {
    return this.#tenants.byId.get(tenantId)?.quotas
  }

  /** Whether the document of a tenant says that its `x-agent-name` header is believed. */
  trustsAgentHeader(tenantId: string): boolean {
    return this.#tenants.byId.get(tenantId)?.trustAgentHeader === true
  }

  /** Whether an operator of the tenant has to approve each client before people use it. */
  needsOperatorForClients(tenantId: string): boolean {
    return this.#tenants.byId.get(tenantId)?.needsOperatorForClients === true
  }

  /** Calls back after each change; returns how to end that. */
  onChange(listener: (tenants: Tenants) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Checks documents before `apply` needs them, in slices that leave time for other work. */
  async prepare(documents: readonly RegistryDocument[]): Promise<void> {
    await this.#memory.prepare(documents.map(({ id, value }) => ({ id, value, check: () => checked(value) })))
  }

  /**
   * Takes over all documents of tenants; says nothing to anyone when that changes nothing.
   * @throws AggregateError when a listener failed: the tenants are taken over all the same
   */
  apply(documents: readonly RegistryDocument[], facts?: TenantFacts): void {
    const owners = this.#ownersOf(documents)
    const byId = new Map<string, Tenant>()
    const quarantined: QuarantinedDocument[] = []
    for (const document of documents) {
      const { tenant, problems } = guarded(
        () => this.#read(document, owners),
        (reason) => ({ tenant: this.#closed(document.id), problems: [reason] }),
      )
      if (tenant !== undefined) byId.set(document.id, this.#unchanged(tenant))
      if (problems.length > 0) quarantined.push(refusal(document.id, tenant, problems))
    }
    const inUse = documents.length > 0
    const tolerated = inUse ? this.#toleratedBeside(byId, facts) : new Set<string>()
    quarantined.push(...[...tolerated].map((id) => toleration(id, facts)))
    this.#servedBefore = new Set()
    this.#memory.settle()
    const tenants = { inUse, byId, tolerated, quarantined }
    if (this.#isApplied && isSame(this.#tenants, tenants)) return
    this.#isApplied = true
    this.#tenants = tenants
    runAll([...this.#listeners].map((listener) => () => listener(this.#tenants)))
  }

  /** Says which tenants served before this start, without a document. */
  tolerate(tenantIds: Iterable<string>): void {
    this.#servedBefore = new Set(tenantIds)
  }

  #toleratedBeside(byId: ReadonlyMap<string, Tenant>, facts: TenantFacts | undefined): Set<string> {
    if (facts === undefined || facts.isConfirmed) return new Set()
    const { inUse, tolerated } = this.#tenants
    const candidates = inUse ? tolerated : [...this.#serving(), ...this.#servedBefore]
    return new Set(
      [...candidates].filter((id) => id !== ALL_TENANTS && id !== facts.defaultTenant && !byId.has(id)),
    )
  }

  #checked({ id, value }: RegistryDocument): CheckedTenant {
    return this.#memory.checked(id, value, () => checked(value))
  }

  /** The same object as before for what is the same tenant, so that others see that nothing has changed. */
  #unchanged(tenant: Tenant): Tenant {
    const before = this.#tenants.byId.get(tenant.tenantId)
    return before !== undefined && canonicalJson(before) === canonicalJson(tenant) ? before : tenant
  }

  #read(
    document: RegistryDocument,
    owners: ReadonlyMap<string, string>,
  ): { tenant: Tenant | undefined; problems: readonly string[] } {
    const { id, value } = document
    if (!TENANT_ID.test(id)) {
      return {
        tenant: undefined,
        problems: [
          'the document id is not a valid tenant id: expected at most 63 lower-case letters, digits and "-"',
        ],
      }
    }
    const { problems, issuers: entries, isUnknown } = this.#checked(document)
    if (isUnknown === true) return { tenant: this.#closed(id), problems }
    const own = entries.filter(({ issuer }) => owners.get(issuer) === id)
    const before = problems.length > 0 ? this.#tenants.byId.get(id) : undefined
    const tenant: Tenant = {
      tenantId: id,
      issuers: own.map((entry) => issuerSettings({ ...entry, tenants: [id] }, this.#defaults)),
      trustAgentHeader: isJsonObject(value) && value['trustAgentHeader'] === true,
      ...restrictionsOf(isJsonObject(value) ? value : {}, before),
    }
    const taken = entries.filter(({ issuer }) => owners.get(issuer) !== id)
    return {
      tenant,
      problems: [
        ...problems,
        ...taken.map(({ issuer }) => `issuers: ${issuer} is already claimed by another tenant`),
      ],
    }
  }

  /** A tenant whose document is unknown: no issuer is trusted to name it, and its limits stay. */
  #closed(tenantId: string): Tenant | undefined {
    const before = this.#tenants.byId.get(tenantId)
    if (before === undefined) return undefined
    return {
      ...(before.isDisabled && { isDisabled: true }),
      tenantId,
      issuers: [],
      trustAgentHeader: false,
      needsOperatorForClients: true,
      quotas: before.quotas,
    }
  }

  /** Which tenant each issuer belongs to; reserved ones belong to none. */
  #ownersOf(documents: readonly RegistryDocument[]): Map<string, string> {
    const before = new Map(
      [...this.#tenants.byId.values()].flatMap(({ tenantId, issuers: held }) =>
        held.map(({ issuer }) => [issuer, tenantId] as const),
      ),
    )
    const owners = new Map<string, string>()
    for (const document of documents.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
      const { id } = document
      for (const { issuer } of TENANT_ID.test(id) ? this.#checked(document).issuers : []) {
        if (this.#reserved.has(issuer)) continue
        if (!owners.has(issuer) || before.get(issuer) === id) owners.set(issuer, id)
      }
    }
    return owners
  }
}

/** Never throws. */
function checked(value: unknown): CheckedTenant {
  const issuers = validIssuers(value)
  return guarded<CheckedTenant>(
    () => {
      const { error } = tenantDocumentSchema.safeParse(value)
      return { issuers, problems: problemsOf(error ?? { issues: [] }, tenantDocumentSchema).map(problemLine) }
    },
    (reason) => ({ issuers, problems: [reason], isUnknown: true }),
  )
}

function isSame(a: Tenants, b: Tenants): boolean {
  return (
    a.inUse === b.inUse &&
    a.byId.size === b.byId.size &&
    [...b.byId].every(([id, tenant]) => a.byId.get(id) === tenant) &&
    canonicalJson(a.quarantined) === canonicalJson(b.quarantined)
  )
}

function toleration(id: string, facts: TenantFacts | undefined): QuarantinedDocument {
  const path = `tenants/${id}`
  const reason = `this tenant has no document. Its servers stay in use, because they were in use before the first tenant was added: add a document, or ${facts?.howToConfirm} to refuse it`
  return { id: path, name: path, tenantId: id, reason, lastGoodServes: true }
}

function refusal(id: string, tenant: Tenant | undefined, problems: readonly string[]): QuarantinedDocument {
  const path = `tenants/${id.slice(0, 128)}`
  return {
    id: path,
    name: path,
    tenantId: tenant?.tenantId,
    reason: problems.join('; ').slice(0, 2000),
    lastGoodServes: tenant !== undefined,
  }
}
