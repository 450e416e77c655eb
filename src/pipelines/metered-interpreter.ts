/* oxlint-disable no-underscore-dangle -- names of the library */
import { type compile, type JSONValue, TreeInterpreter } from '@jmespath-community/jmespath'
import { Fuel, PART } from './fuel.ts'
import { METERED_FUNCTIONS } from './metered-functions.ts'
import { isEqual, isFalse, payForBreadth } from './metered-values.ts'

type Ast = ReturnType<typeof compile>
type Value = Parameters<typeof TreeInterpreter.visit>[1]

// The library gives out one instance of its class, and not the class.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it is the class of that instance
const Interpreter = TreeInterpreter.constructor as new () => typeof TreeInterpreter

/**
 * The library's interpreter, which pays for each step and for all that a step makes before it makes it. Where the
 * library compares, or asks whether something is empty, it looks at all of it: that is done here.
 */
class MeteredInterpreter extends Interpreter {
  #fuel = new Fuel({ units: 0 })

  constructor() {
    super()
    const table = this.runtime._functionTable
    for (const [name, run] of Object.entries(METERED_FUNCTIONS)) {
      const entry = table[name]
      if (entry === undefined) throw new Error(`the library has no function ${name}`)
      const means = { visit: (expression: unknown, value: unknown) => this.#visited(expression, value) }
      table[name] = {
        ...entry,
        _func: (args: readonly unknown[]) => asValue(run(args, { fuel: this.#fuel, ...means })),
      }
    }
    for (const entry of Object.values(table)) {
      const run: (args: readonly Value[]) => JSONValue = entry._func
      entry._func = (args: readonly Value[]) => {
        for (const arg of args) payForBreadth(arg, this.#fuel)
        return run.call(this.runtime, args)
      }
    }
  }

  evaluate(ast: Ast, data: unknown, fuel: Fuel): unknown {
    const before = this.#fuel
    this.#fuel = fuel
    try {
      return this.search(ast, asValue(data))
    } finally {
      this.#fuel = before
    }
  }

  override visit(node: Ast, value: Value): Value {
    this.#fuel.burn(PART)
    if (node.type === 'Flatten') return this.#flat(this.visit(node.child, value))
    if (node.type === 'FilterProjection') return this.#filtered(node, value)
    if (node.type === 'Comparator' && (node.name === 'EQ' || node.name === 'NE')) {
      const equal = isEqual(this.visit(node.left, value), this.visit(node.right, value), this.#fuel)
      return equal === (node.name === 'EQ')
    }
    if (node.type === 'Slice') {
      payForBreadth(value, this.#fuel)
      if (typeof value === 'string') this.#fuel.burn(value.length * 8)
    }
    const logical = this.#logical(node, value)
    return logical === undefined ? super.visit(node, value) : logical
  }

  /** Evaluates a logical or conditional expression; undefined for every other kind. */
  #logical(node: Ast, value: Value): Value | undefined {
    if (node.type === 'NotExpression') return isFalse(this.visit(node.child, value))
    if (node.type === 'Ternary')
      return this.visit(isFalse(this.visit(node.condition, value)) ? node.falseExpr : node.trueExpr, value)
    if (node.type !== 'OrExpression' && node.type !== 'AndExpression') return undefined
    const left = this.visit(node.left, value)
    return isFalse(left) === (node.type === 'OrExpression') ? this.visit(node.right, value) : left
  }

  #flat(value: Value): Value {
    if (!Array.isArray(value)) return null
    for (const each of value) this.#fuel.burn(Array.isArray(each) ? each.length * PART : PART)
    return value.flat()
  }

  #filtered(node: Extract<Ast, { type: 'FilterProjection' }>, value: Value): Value {
    const base = this.visit(node.left, value)
    if (!Array.isArray(base)) return null
    return asValue(
      base
        .filter((each) => !isFalse(this.visit(node.condition, each)))
        .map((each) => this.visit(node.right, each))
        .filter((each) => each !== null),
    )
  }

  #visited(expression: unknown, value: unknown): unknown {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the signature asks for an expression
    return this.visit(expression as Ast, asValue(value))
  }
}

/** JSON under the library's name for it. */
function asValue(value: unknown): JSONValue {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it holds parsed JSON only
  return value as JSONValue
}

const interpreter = new MeteredInterpreter()

/** The value of a compiled expression. @throws Error also when it would do more work than there is fuel */
export function evaluated(ast: Ast, data: unknown, fuel: Fuel): unknown {
  return interpreter.evaluate(ast, data, fuel)
}
