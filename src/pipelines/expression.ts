import { compile } from '@jmespath-community/jmespath'
import { messageOf } from '../domain/errors/errors.ts'
import type { JsonObject } from '../domain/json/json.ts'
import { boundedValue } from './bounded-value.ts'
import { findingsIn, type ScopeNames } from './expression-rules.ts'
import { Fuel } from './fuel.ts'
import { evaluated } from './metered-interpreter.ts'

/** An expression that was checked. */
export interface Expression {
  /**
   * Its value, as JSON.
   * @param fuel for the work that it may do
   * @throws Error with a sentence for the one who wrote it
   */
  evaluate(scope: JsonObject, fuel?: Fuel): unknown
}

const MAX_LENGTH = 1000

/**
 * Checks and compiles a JMESPath expression. The language has neither loops nor code; what is left out of it (see
 * `findingsIn`) could look at all data for each part of them, and what an expression does is paid for as it is done.
 * @returns what is wrong with it, each as half a sentence, or the expression
 */
export function compileExpression(text: string, names: ScopeNames): Expression | readonly string[] {
  if (text.length > MAX_LENGTH) return [`an expression has at most ${MAX_LENGTH} characters`]
  let ast: ReturnType<typeof compile>
  try {
    ast = compile(text)
  } catch (error) {
    return [messageOf(error).replace(/^Syntax error[:,] /, 'not a JMESPath expression: ')]
  }
  const findings = findingsIn({ ...ast }, names)
  if (findings.length > 0) return findings
  return { evaluate: (scope, fuel = new Fuel()) => boundedValue(evaluated(ast, scope, fuel)) }
}

/** Whether a value counts as true where a condition is asked for: not `false`, null or empty. */
export function isTrue(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === '') return false
  return typeof value !== 'object' || Object.keys(value).length > 0
}
