import { isJsonObject, type JsonObject } from '../domain/json/json.ts'

/** What the expressions of a step may speak of. */
export interface ScopeNames {
  /** Ids of the steps before it. */
  readonly steps: ReadonlySet<string>
  /** Ids of all other steps. */
  readonly laterSteps: ReadonlySet<string>
  /** Names of the input; undefined where they are not known. */
  readonly inputs: ReadonlySet<string> | undefined
  /** Whether there is an `item` and its `index`. */
  readonly hasItem: boolean
}

/** A part of an expression as the library parses it. */
type Node = JsonObject & { readonly type: string }

/** The members of a node that look at what the node's other members find, and no more at what it looks at itself. */
const LOOKS_INTO: Readonly<Record<string, readonly string[]>> = {
  Subexpression: ['right'],
  Pipe: ['right'],
  Projection: ['right'],
  ValueProjection: ['right'],
  IndexExpression: ['right'],
  FilterProjection: ['right', 'condition'],
  ExpressionReference: ['child'],
}

/**
 * Those whose work can be paid for by what they are given. Others pad or repeat, and those that trim take the square of
 * the time.
 */
const FUNCTIONS = new Set([
  'abs', 'avg', 'ceil', 'contains', 'ends_with', 'find_first', 'find_last', 'floor', 'from_items', 'group_by',
  'items', 'join', 'keys', 'length', 'lower', 'map', 'max', 'max_by', 'merge', 'min', 'min_by', 'not_null',
  'reverse', 'sort', 'sort_by', 'split', 'starts_with', 'sum', 'to_array', 'to_number', 'to_string', 'type', 'upper', 'values', 'zip',
]) // prettier-ignore

/** To look for a long text in a long text can take the product of their lengths. */
const SEARCHES: ReadonlySet<string> = new Set(['contains', 'find_first', 'find_last'])

/** Parts of the language with which an expression could look at the whole data for each part of it. */
const LEFT_OUT: ReadonlySet<string> = new Set(['Root', 'LetExpression', 'Binding', 'Variable'])
const MAX_NODES = 200
/** How many times over an expression may use the data: each list and map of it multiplies that by its members. */
const MAX_COPIES = 32
const MAX_SEPARATOR = 64

/** What is wrong with an expression, each thing once, as half a sentence. */
export function findingsIn(ast: Node, names: ScopeNames): string[] {
  const walk = new Walk(names)
  walk.visit(ast, true)
  return [...walk.findings]
}

/** One look at all nodes. What is `atRoot` speaks of the scope itself, the rest of parts of it. */
class Walk {
  readonly findings = new Set<string>()
  readonly #names: ScopeNames
  #nodes = 0
  #copies = 1

  constructor(names: ScopeNames) {
    this.#names = names
  }

  visit(node: Node, atRoot: boolean): void {
    this.#nodes += 1
    if (this.#nodes > MAX_NODES) return this.#say(`an expression has at most ${MAX_NODES} parts`)
    if (LEFT_OUT.has(node.type)) return this.#say('$ and let are not supported')
    if (atRoot && this.#namesScope(node)) return
    const children = childrenOf(node)
    if (node.type === 'Field' || node.type === 'KeyValuePair') this.#checkField(nameOf(node))
    if (node.type === 'Function')
      this.#checkFunction(
        nameOf(node),
        children.map(([child]) => child),
      )
    if (node.type.startsWith('MultiSelect')) this.#countCopies(children.length)
    for (const [child, isBelow] of children) this.visit(child, atRoot && !isBelow)
  }

  /** Whether that is all there is to a node: a name of the scope, or what stands for all of it. */
  #namesScope(node: Node): boolean {
    const { left, right } = node
    if (node.type === 'Current' || node.type === 'Identity')
      this.#say(`expected one of ${this.#roots().join(', ')} first`)
    else if (node.type === 'Field') this.#checkRoot(nameOf(node))
    else if (node.type !== 'Subexpression' || !isNode(left) || left.type !== 'Field') return false
    else if (left['name'] === 'steps') this.#checkStep(right)
    else if (left['name'] === 'input' && isNode(right) && right.type === 'Field')
      this.#checkInput(nameOf(right))
    else return false
    return true
  }

  #checkRoot(name: string): void {
    if (name === 'steps') this.#say('expected a step id after "steps."')
    else if (!this.#roots().includes(name))
      this.#say(`${shown(name)} is unknown; expected one of ${this.#roots().join(', ')}`)
  }

  #checkStep(right: unknown): void {
    const { steps, laterSteps } = this.#names
    const name = isNode(right) && right.type === 'Field' ? nameOf(right) : undefined
    if (name === undefined) this.#say('expected a step id after "steps."')
    else if (laterSteps.has(name)) this.#say(`steps.${name}: the step does not come before this one`)
    else if (!steps.has(name)) this.#say(`steps.${shown(name)}: unknown step`)
  }

  #checkInput(name: string): void {
    const { inputs } = this.#names
    if (inputs !== undefined && !inputs.has(name))
      this.#say(`input.${shown(name)}: inputSchema has no such property`)
    this.#checkField(name)
  }

  #checkField(name: string): void {
    if (name in Object.prototype) this.#say(`${shown(name)} is not allowed as a field name`)
  }

  #checkFunction(name: string, children: readonly Node[]): void {
    if (!FUNCTIONS.has(name)) return this.#say(`unknown function ${shown(name)}`)
    if (name === 'join' && !isShortText(children[0], 0))
      this.#say('join: the separator must be a string literal')
    if (name === 'split' && !isShortText(children[1], 1))
      this.#say('split: the separator must be a string literal')
    if (SEARCHES.has(name) && !isBoundedSearch(name, children))
      this.#say(`${name}: the search string must be a string literal`)
  }

  #countCopies(members: number): void {
    this.#copies *= Math.max(1, members)
    if (this.#copies > MAX_COPIES) this.#say('the expression may multiply its input beyond the size limit')
  }

  #roots(): string[] {
    return ['input', 'steps', ...(this.#names.hasItem ? ['item', 'index'] : [])]
  }

  #say(finding: string): void {
    this.findings.add(finding)
  }
}

/** The parts of a node, and whether each looks at a part of what the node looks at. */
function childrenOf(node: Node): (readonly [Node, boolean])[] {
  if (node.type === 'Literal') return []
  return Object.entries(node).flatMap(([member, value]) => {
    const isBelow = LOOKS_INTO[node.type]?.includes(member) === true
    return [value].flat().flatMap((each) => (isNode(each) ? [[each, isBelow] as const] : []))
  })
}

function nameOf({ name }: Node): string {
  return String(name)
}

function isNode(value: unknown): value is Node {
  return isJsonObject(value) && typeof value['type'] === 'string'
}

function isShortText(node: Node | undefined, minLength: number): boolean {
  const text = node?.type === 'Literal' ? node['value'] : undefined
  return typeof text === 'string' && text.length >= minLength && text.length <= MAX_SEPARATOR
}

function isBoundedSearch(name: string, [where, what]: readonly Node[]): boolean {
  return (name === 'contains' && where?.type === 'MultiSelectList') || isShortLiteral(what)
}

function isShortLiteral(node: Node | undefined): boolean {
  return node?.type === 'Literal' && (typeof node['value'] !== 'string' || isShortText(node, 0))
}

function shown(name: string): string {
  return name.slice(0, 64)
}
