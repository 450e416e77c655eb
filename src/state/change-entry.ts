import { type Clock, sleep } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { PutOptions, StateEntry, StateStore } from './state-store.ts'

const ATTEMPTS = 5

/** What becomes of an entry. */
export interface EntryChange<T> {
  readonly result: T
  /** What is written; without it the entry stays as it is. */
  readonly write?: { readonly value: string } & Pick<PutOptions, 'expiresAt'>
}

/** How often, and how far apart, writers that meet others try again. */
export interface ChangeOptions {
  /** 5 by default. */
  readonly attempts?: number
  /** A growing time between two attempts, for entries that many write at the same time; none by default. */
  readonly pause?: { readonly ms: number; readonly clock: Clock; readonly random: () => number }
  /** The message of the error when others write all the time. */
  readonly contended?: string
}

/**
 * Changes an entry by what it is, so that of writers at the same time none overwrites what another one has written:
 * `change` is called again if another writer was faster.
 * @throws GatewayError `state_unavailable` when others are faster each time, or the store does not answer; and what
 * `change` throws
 */
export function changeEntry<T>(
  store: Pick<StateStore, 'get' | 'put'>,
  { collection, key }: { readonly collection: string; readonly key: string },
  change: (entry: StateEntry | undefined) => EntryChange<T> | Promise<EntryChange<T>>,
  options?: ChangeOptions,
): Promise<T> {
  return untilWritten(async () => {
    const entry = await store.get(collection, key)
    const { result, write } = await change(entry)
    if (write === undefined) return { result }
    const { value, expiresAt } = write
    const version = await store.put(collection, key, value, { expected: entry?.version ?? null, expiresAt })
    return version === undefined ? undefined : { result }
  }, options).then(({ result }) => result)
}

/**
 * Retries until an attempt succeeds, which means that no other writer has changed the entry in the meantime.
 * @throws GatewayError `state_unavailable` when no attempt has
 */
export async function untilWritten<T extends object>(
  attempt: () => Promise<T | undefined>,
  { attempts = ATTEMPTS, pause, contended = 'Others write the same all the time' }: ChangeOptions = {},
): Promise<T> {
  for (let tries = 1; tries <= attempts; tries += 1) {
    const written = await attempt()
    if (written !== undefined) return written
    if (pause !== undefined) await sleep(pause.clock, pause.ms * tries * (0.5 + pause.random()))
  }
  throw new GatewayError('state_unavailable', contended)
}
