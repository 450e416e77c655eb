import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'

/** The objects of a list in an answer. */
export function rows(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

/** The texts of a list in an answer. */
export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}

/** A text in an answer. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A number in an answer. */
export function amount(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

/** An object in an answer; an empty one where it has none. */
export function object(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {}
}

/** JSON for people. */
export function pretty(value: unknown): string {
  return JSON.stringify(value, undefined, 2)
}
